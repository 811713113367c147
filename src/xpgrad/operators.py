"""Python's operators on Tensors: ``x + y``, ``2 * x``, ``-x``, ``x += y``, each a call of a registered op."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

from . import arrays
from .op import OPS
from .operands import PYTHON
from .tensor import Tensor, apply
from .views import in_place, set_item

BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
          "mod": "remainder", "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or",
          "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}  # fmt: skip
COMPARING = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}


def _beside(value: Any) -> bool:
    """Whether `value` may stand beside a Tensor in an expression."""
    return type(value) in PYTHON or isinstance(value, (Tensor, numbers.Number)) or arrays.is_array(value)


def _forward(name: str) -> Callable[[Tensor, Any], Any]:
    def operate(self: Tensor, other: Any) -> Any:
        return apply(OPS[name], (self, other)) if isinstance(other, Tensor) or _beside(other) else NotImplemented

    return operate


def _reflected(name: str) -> Callable[[Tensor, Any], Any]:
    def operate(self: Tensor, other: Any) -> Any:
        return apply(OPS[name], (other, self)) if _beside(other) else NotImplemented

    return operate


def _written(name: str) -> Callable[[Tensor, Any], Any]:
    def operate(self: Tensor, other: Any) -> Any:
        return in_place(self, f"{name}_", lambda t: apply(OPS[name], (t, other))) if _beside(other) else NotImplemented

    return operate


def _unary(name: str) -> Callable[[Tensor], Any]:
    return lambda self: apply(OPS[name], (self,))


def attach() -> None:
    """Put the operators onto Tensor."""
    for symbol, name in BINARY.items():
        setattr(Tensor, f"__{symbol}__", _forward(name))
        setattr(Tensor, f"__r{symbol}__", _reflected(name))
        setattr(Tensor, f"__i{symbol}__", _written(name))
    for symbol, name in COMPARING.items():
        setattr(Tensor, f"__{symbol}__", _forward(name))
    for symbol, name in UNARY.items():
        setattr(Tensor, f"__{symbol}__", _unary(name))
    Tensor.__setitem__ = set_item  # type: ignore[method-assign]
