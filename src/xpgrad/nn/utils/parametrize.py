"""Parametrizations: a parameter that is computed from others each time it is read.

The module gets a class of its own, whose property computes the parameter; what is learned moves to
``module.parametrizations.<name>.original``, under which it stands in the state dict.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
from collections.abc import Iterator
from typing import Any

from ...modes import no_grad
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Buffer, Parameter

_cache: contextvars.ContextVar[dict[tuple[int, str], Any] | None] = contextvars.ContextVar("cache", default=None)


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Within this block every parametrized parameter is computed once."""
    if _cache.get() is not None:
        yield
        return
    token = _cache.set({})
    try:
        yield
    finally:
        _cache.reset(token)


class ParametrizationList(ModuleList):
    """The parametrizations of one parameter, applied one after the other to `original`, or `original0`, ...

    Args:
        modules: the first of them may take several Tensors, if its `right_inverse` returns so many.
        original: the parameter or buffer that it stood for.
        unsafe: do not check shape and dtype.
    """

    def __init__(self, modules: Any, original: Any, unsafe: bool = False) -> None:
        modules = list(modules)
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        kind = Parameter if isinstance(original, Parameter) else Buffer
        with no_grad():
            new: Any = original
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        for name, value in zip(self._names(), [new] if self.is_tensor else new, strict=True):
            if value is original:
                setattr(self, name, original)
            elif kind is Parameter and value.dtype.is_floating_point:
                setattr(self, name, Parameter(value.detach(), original.requires_grad))
            else:
                self.register_buffer(name, value.detach())
        if not unsafe:
            found = self()
            if not isinstance(found, Tensor) or found.shape != original.shape or found.dtype is not original.dtype:
                raise ValueError("Registering a parametrization may not change the shape or dtype of the tensor, "
                                 f"unless `unsafe` is set; it was {original.dtype} of {original.shape}")

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def right_inverse(self, value: Any) -> None:
        """Change the originals so that the parametrizations give `value`.

        Raises:
            RuntimeError: if one of them has no `right_inverse`.
        """
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            for name, part in zip(self._names(), [value] if self.is_tensor else value, strict=True):
                getattr(self, name).data = part

    def forward(self) -> Any:
        """The parameter."""
        first, *others = self
        value = first(*[getattr(self, name) for name in self._names()])
        for module in others:
            value = module(value)
        return value


def _own_class(module: Any) -> None:
    kind = type(module)
    body = {"__deepcopy__": _deep_copied, "parametrized": kind}
    module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), body)


def _deep_copied(self: Any, memo: dict[int, Any]) -> Any:
    made = memo.get(id(self))
    if made is None:
        made = memo[id(self)] = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return made


def _property(name: str) -> property:
    def read(self: Any) -> Any:
        kept = _cache.get()
        if kept is None:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in kept:
            kept[key] = self.parametrizations[name]()
        return kept[key]

    def assign(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, assign)


def register_parametrization(module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Any:
    """Let ``module.<tensor_name>`` be ``parametrization(original)`` from now on.

    Args:
        module: whose parameter or buffer it is.
        parametrization: a module; with a method `right_inverse`, the name may be assigned to.
        unsafe: shape and dtype may change.

    Raises:
        ValueError: if there is no such parameter or buffer, or shape or dtype would change.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x + x.T
        >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.T).all()), [name for name, _ in layer.named_parameters()]
        (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        module.parametrizations[tensor_name].append(parametrization)
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                         f"'{tensor_name}'")  # fmt: skip
    held = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _own_class(module)
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = held
    return module


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether the module, or that parameter of it, is computed."""
    held = module._modules.get("parametrizations")
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Let ``module.<tensor_name>`` be a plain parameter again.

    Args:
        leave_parametrized: with the value that it has now; else that of the original.

    Raises:
        ValueError: if it is not computed, or the originals are several and it is to have their value.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held: Any = module.parametrizations[tensor_name]
    if not leave_parametrized and not held.is_tensor:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                         "terms of a sequence of tensors.")  # fmt: skip
    original = getattr(held, held._names()[0])
    with no_grad():
        value = held() if leave_parametrized else original
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, Parameter(value.detach(), original.requires_grad))
    else:
        module.register_buffer(tensor_name, value.detach())
    if not len(module.parametrizations):
        delattr(module, "parametrizations")
        module.__class__ = type(module).parametrized
    return module
