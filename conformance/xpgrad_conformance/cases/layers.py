"""Layers and losses of ``xpgrad.nn``: a line for each, its parameters given as inputs like its data.

`layer` builds the module by its PyTorch name, in xpgrad and in PyTorch alike, puts the inputs in place of its
parameters, and calls it. A layer that is missing here is missing in the report: `uncovered` lists those.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

from . import Sample, case, distinct, fixed, integers, real


class _Modules:
    """The modules of one case, each built once, since what a compiler traces is the call and not the making."""

    def __init__(self, name: str, args: tuple[Any, ...], options: dict[str, Any], training: bool) -> None:
        self.name, self.args, self.options, self.training = name, args, options, training
        self.made: dict[tuple[str, ...], tuple[Any, Any]] = {}

    def like(self, lib: Any, tensor: Any) -> Any:
        """A fresh copy of the module in the dtype, on the device and on the library of a Tensor."""
        kind = (lib.__name__, str(tensor.dtype), "" if lib.__name__ == "torch" else lib.get_backend().name)
        where = getattr(tensor, "device", None)  # what is traced has none
        known = self.made.get(kind)
        if known is None or where not in (None, known[0]):
            lib.manual_seed(0)  # parameters that are not given begin with the same numbers
            module = getattr(lib.nn, self.name)(*self.args, **self.options)
            module = module if where is None else module.to(where)
            if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
                module = module.to(tensor.dtype)
            known = self.made[kind] = (where, module.train(self.training))
        return copy.deepcopy(known[1])


def _place(module: Any, path: str, tensor: Any) -> None:
    """Put a Tensor in place of a parameter."""
    *owners, leaf = path.split(".")
    for owner in owners:
        module = getattr(module, owner)
    delattr(module, leaf)
    setattr(module, leaf, tensor)


def _flat(out: Any) -> Any:
    """Nested results, such as an LSTM's, side by side."""
    if not isinstance(out, tuple):
        return out
    return tuple(t for part in out for t in (_flat(part) if isinstance(part, tuple) else (part,)))


def layer(name: str, args: tuple[Any, ...], *inputs: Sample, about: str = "", order: int = 2, training: bool = True,
          torch: bool = True, seed: int | None = None, options: dict[str, Any] | None = None, compare: Any = None,
          before: Any = None, **parameters: Sample) -> None:  # fmt: skip
    """Put a layer into the table.

    Args:
        name: its class in ``nn``.
        args, options: of its constructor.
        inputs: what it is called with.
        training: its mode.
        torch: whether PyTorch gives the same numbers.
        seed: of the random numbers that it draws.
        compare: what of its result is compared, as a case has it.
        before: ``before(lib, *inputs)``, the inputs that it is called with.
        parameters: samples by name; ``__`` stands for the dot in a nested one's.
    """
    count, modules = len(inputs), _Modules(name, args, options or {}, training)

    def run(lib: Any, *tensors: Any) -> Any:
        like = next((t for t in tensors if t.dtype.is_floating_point or t.dtype.is_complex), tensors[0])
        module = modules.like(lib, like)
        given = {path.replace("__", "."): t for path, t in zip(parameters, tensors[count:], strict=True)}
        data = tensors[:count] if before is None else before(lib, *tensors[:count])
        if seed is not None:
            lib.manual_seed(seed)
        if inspect.ismodule(lib) and lib.__name__ == "torch":
            return _flat(lib.func.functional_call(module, given, data))
        for path, tensor in given.items():
            _place(module, path, tensor)
        return _flat(module(*data))

    def ours(xp: Any, *tensors: Any) -> Any:
        import xpgrad

        return run(xpgrad, *tensors)

    case(f"nn.{name}", *inputs, *parameters.values(), call=ours, torch=run if torch else None, order=order,
         about=about or ",".join(map(str, args)), compare=compare)  # fmt: skip


def uncovered() -> list[str]:
    """The layers and losses of ``xpgrad.nn`` that have no case."""
    from xpgrad import nn

    from . import CASES

    kinds = {n for n in dir(nn) if inspect.isclass(getattr(nn, n)) and issubclass(getattr(nn, n), nn.Module)}
    lazy = {n for n in kinds if n.startswith("Lazy")}  # each becomes the layer whose name follows
    return sorted(kinds - {c.op.removeprefix("nn.") for c in CASES} - CONTAINERS - lazy)


# what holds layers, and computes nothing of its own; the encoder and the decoder are run within the transformer
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential", "RNNBase",
              "TransformerDecoder", "TransformerEncoder"}  # fmt: skip

for _name in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Hardtanh", "Hardswish",
              "Hardshrink", "Softshrink", "Softplus", "Softsign", "Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink",
              "Identity"):  # fmt: skip
    layer(_name, (), distinct(3, 5))
layer("CELU", (), distinct(3, 5), options={"alpha": 0.5})
layer("Hardsigmoid", (), distinct(3, 5), torch=False)  # PyTorch's slope there is rounded to float32
layer("Threshold", (0.4, 2.0), distinct(3, 5))
layer("GLU", (), real(3, 6))
for _name in ("Softmax", "LogSoftmax", "Softmin"):
    layer(_name, (1,), real(3, 5))
layer("Softmax2d", (), real(2, 3, 2, 2))
layer("PReLU", (3,), distinct(2, 3, 4), weight=fixed([0.1, 0.25, 0.5]))

layer("Linear", (4, 3), real(2, 4), weight=real(3, 4), bias=real(3))
layer("Linear", (4, 3), real(2, 5, 4), weight=real(3, 4), options={"bias": False}, about="no bias")
layer("Flatten", (), real(2, 3, 2))
layer("Unflatten", (1, (2, 3)), real(2, 6))
for _n, _size in enumerate(((8,), (6, 7), (4, 5, 4)), 1):
    layer(f"Conv{_n}d", (2, 3, 3), real(2, 2, *_size), weight=real(3, 2, *(3,) * _n), bias=real(3))
    layer(f"Conv{_n}d", (2, 4, 2), real(1, 2, *_size), weight=real(4, 1, *(2,) * _n), about="stride, padding, groups",
          options={"stride": 2, "padding": 1, "groups": 2, "bias": False})  # fmt: skip
    layer(f"MaxPool{_n}d", (2,), distinct(1, 2, *_size))
    layer(f"AvgPool{_n}d", (2,), real(1, 2, *_size))
    # the generator's numbers are those of PyTorch's portable stream, which PyTorch on this processor may not take
    layer(f"Dropout{_n}d", (0.5,), real(3, 4, *_size[:1] * _n), torch=False, seed=3)
    layer(f"Dropout{_n}d", (0.5,), real(3, 4, *_size[:1] * _n), training=False, about="evaluation")
layer("Dropout", (0.4,), real(4, 5), torch=False, seed=3)
layer("Dropout", (0.4,), real(4, 5), training=False, about="evaluation")

_P = real(3, 5, low=0.05, high=0.95)
for _reduction in ("mean", "sum", "none"):
    _how: Any = {"options": {"reduction": _reduction}, "about": _reduction}
    for _name in ("MSELoss", "HuberLoss", "SmoothL1Loss", "L1Loss"):
        layer(_name, (), distinct(3, 5), real(3, 5, low=3.0, high=4.0), **_how)
    layer("BCELoss", (), _P, _P, **_how)
    layer("BCEWithLogitsLoss", (), real(3, 5), _P, **_how)
    layer("NLLLoss", (), real(4, 5), integers(4), **_how)
    layer("CrossEntropyLoss", (), real(4, 5), integers(4), **_how)
layer("CrossEntropyLoss", (), real(4, 5), integers(4), options={"label_smoothing": 0.2}, about="label smoothing")
layer("CrossEntropyLoss", (), real(4, 5), real(4, 5, low=0.0, high=1.0), about="probabilities")
layer("CrossEntropyLoss", (), real(2, 5, 3), fixed([[0, 4, -100], [2, 1, 3]]), about="one ignored")
