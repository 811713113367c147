"""Parameters and buffers: Tensors that a module recognises when they are assigned to it."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..tensor import Tensor, current, make
from ..views import detach


class Parameter(Tensor):
    """A Tensor that a module lists among its parameters, and an optimizer may change.

    Args:
        data: its values; empty if not given.
        requires_grad: whether gradients flow to it.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> nn.Parameter(xpgrad.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        source = empty(0) if data is None else data
        made = make(current(source), cls=cls)
        made.requires_grad = requires_grad
        return made  # type: ignore[return-value]

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(make(current(self)), self.requires_grad)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (detach(self), self.requires_grad)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A Tensor that belongs to a module's state but is not trained, such as a running mean.

    Args:
        data: its values; empty if not given.
        persistent: whether `state_dict` holds it.
    """

    __slots__ = ("persistent",)
    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        made = make(current(empty(0) if data is None else data), cls=cls)
        made.persistent = persistent  # type: ignore[attr-defined]
        return made  # type: ignore[return-value]

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(make(current(self)), persistent=self.persistent)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _buffer, (detach(self), self.persistent)


def _buffer(data: Tensor, persistent: bool) -> Buffer:
    return Buffer(data, persistent=persistent)
