"""One case on one library: its inputs, its result, and the gradients of a random projection of it.

This is what the program and the project's tests share. A case is run in *stages*: 0 is the result, 1 the gradients of
Σ Re(conj(v) y) with random v, 2 the gradients of a random projection of those. The random numbers depend on the seed
and on shapes alone, so every library, and every oracle, is asked the same question.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import xpgrad
from xpgrad.backend import Backend, named
from xpgrad.namespace import function

from .cases import Case

Stage = list[Any]  # Tensors, or None where there is no gradient

# arguments that are constants by convention, as in PyTorch: they get no gradient
CONSTANT = {"nll_loss": (2,), "igamma": (0,), "igammac": (0,), "nn.SoftMarginLoss": (1,)}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the Tensors of a case are made.

    Attributes:
        backend: the library's; native: its own namespace; xp: the namespace of Tensors on it.
        device: the library's own device object, or None for its default.
        frozen: whether inputs are made read-only and lie strided in memory, where the library's arrays can be that.
    """

    backend: Backend
    native: Any
    xp: Any
    device: Any = None
    frozen: bool = False

    def put(self, host: Any) -> Any:
        """A Tensor with the numbers of a NumPy array."""
        if self.frozen and host.ndim:
            host = np.stack((host, host), axis=-1)[..., 0]  # every other element of a larger array
        array = self.native.asarray(host if self.frozen else host.copy(), **self.options())
        if self.frozen and hasattr(array, "flags") and hasattr(array.flags, "writeable"):
            array.flags.writeable = False
        return xpgrad.as_tensor(array)

    def options(self) -> dict[str, Any]:
        """Keywords that send a new array to the device."""
        return {} if self.device is None else {"device": self.device}

    def host(self, tensor: Any) -> Any:
        """A Tensor's numbers as a NumPy array."""
        return np.asarray(tensor.detach().numpy_array())


def place(library: str, device: str | None = None) -> Place:
    """The place of a library, by its backend's name or its import path, and of a device by name.

    Raises:
        ValueError: for an unknown library. ModuleNotFoundError: for one that is not installed.
        RuntimeError: for a device that is not there.

    Example:
        >>> from xpgrad_conformance.evaluate import place
        >>> place("numpy").backend.name
        'numpy'
    """
    backend = named(library)
    native = backend.load()
    made = Place(backend, native, xpgrad.array_namespace(library))
    if device is None:
        return made
    known = {backend.device_name(d): d for d in backend.devices(native)}
    if device in known:
        return dataclasses.replace(made, device=known[device])
    try:
        native.asarray(1.0, device=device)  # a device that the library knows and does not list, such as "meta"
    except Exception as error:
        raise RuntimeError(f"library '{library}' has no device '{device}'; it lists {', '.join(known)}") from error
    return dataclasses.replace(made, device=device)


def draw(case: Case, dtype: str, seed: int = 0) -> list[Any]:
    """The case's inputs as NumPy arrays; its numbers are the same in every precision."""
    rng = np.random.default_rng([seed, zlib.crc32(str(case).encode())])
    wide = "complex128" if dtype.startswith("complex") else "float64"
    drawn = [np.asarray(sample.draw(rng, wide)) for sample in case.inputs]
    narrow = {"f": dtype if dtype.startswith("float") else _real(dtype), "c": dtype}
    return [a.astype(narrow[a.dtype.kind]) if a.dtype.kind in narrow else a for a in drawn]


def _real(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}[dtype]


def cotangent(seed: int, stage: int, position: int, like: Any) -> Any:
    """Normal numbers of the shape and dtype of the NumPy array `like`."""
    rng = np.random.default_rng([seed, stage, position])
    v = rng.normal(size=like.shape)
    return np.asarray(v + 1j * rng.normal(size=like.shape) if like.dtype.kind == "c" else v, dtype=like.dtype)


def differentiable(case: Case, dtypes: Sequence[str]) -> list[int]:
    """The positions of the inputs that get a gradient, from the names of the inputs' dtypes."""
    constant = CONSTANT.get(case.op, ())
    return [i for i, d in enumerate(dtypes) if d.startswith(("float", "complex")) and i not in constant]


def compute(case: Case, xp: Any, inputs: Sequence[Any]) -> Stage:
    """The results of a case in a namespace: that of Tensors, or another that has the names."""
    if case.call is not None:
        out = case.call(xp, *inputs)
    else:
        made: Any = xp
        for part in case.op.split("."):
            made = getattr(made, part) if made is not xp or hasattr(made, part) else function(case.op)
        out = made(*inputs, **case.params)
    if case.compare is not None:
        out = case.compare(xp, out)
    return list(out) if isinstance(out, tuple | list) else [out]


def stages(case: Case, at: Place, inputs: Sequence[Any], order: int, seed: int = 0) -> Iterator[Stage]:
    """The result, then the gradients of each order, computed one at a time.

    Args:
        case: what to call.
        at: where.
        inputs: Tensors (`Place.put` makes them); gradients are asked for the `differentiable` ones.
        order: the last stage.
        seed: of the projections.
    """
    asked = [inputs[i].requires_grad_() for i in differentiable(case, [t.dtype.name for t in inputs])]
    stage = compute(case, at.xp, inputs)
    yield stage
    for number in range(1, order + 1):
        live = [(i, t) for i, t in enumerate(stage) if t is not None and t.requires_grad]
        if live and asked:
            weights = [at.put(cotangent(seed, number, i, _like(t))) for i, t in live]
            roots = [t for _, t in live]
            stage = list(xpgrad.autograd.grad(roots, asked, weights, create_graph=number < order, allow_unused=True))
        else:
            stage = [None] * len(asked)
        yield stage


def _like(t: Any) -> Any:
    """A NumPy array of the Tensor's shape and dtype, without touching its numbers."""
    return np.broadcast_to(np.zeros((), dtype=t.dtype.name), tuple(t.shape))


def project(seed: int, number: int, stage: Stage, host: Any) -> float:
    """Σ Re(conj(v) y) over a stage's arrays: the scalar whose gradient the next stage is."""
    total = 0.0
    for i, t in enumerate(stage):
        y = None if t is None else host(t)
        if y is not None and y.dtype.kind in "fc":
            total += float(np.sum(np.real(np.conj(cotangent(seed, number, i, y)) * y)))
    return total
