"""A small array library around NumPy that notes the matrix products it is asked for: what a step could not go below.

It is also an example of a library that nobody registered: xpgrad computes on it through the standard alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import array_api_compat.numpy as xp
import numpy as np

products: list[tuple[Any, Any]] = []


class Array:
    """An array that notes its matrix products."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getattr__(self, name: str) -> Any:
        return _wrapped(getattr(self.array, name))

    def __getitem__(self, key: Any) -> Any:
        return _wrapped(self.array[_bare(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[_bare(key)] = _bare(value)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return library

    def __bool__(self) -> bool:
        return bool(self.array)

    def __float__(self) -> float:
        return float(self.array)

    def __int__(self) -> int:
        return int(self.array)

    __hash__ = None  # type: ignore[assignment]


def _bare(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_bare, value))
    return value.array if isinstance(value, Array) else value


def _wrapped(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return (
            type(value)(map(_wrapped, value)) if not hasattr(value, "_fields") else type(value)(*map(_wrapped, value))
        )
    return Array(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _function(f: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        bare = [_bare(a) for a in args]
        if f in (xp.matmul, operator.matmul):
            products.append((bare[0], bare[1]))
        return _wrapped(f(*bare, **{k: _bare(v) for k, v in kwargs.items()}))

    return call


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"):
    _op = _function(getattr(operator, _name))
    setattr(Array, f"__{_name.strip('_')}__", lambda self, other, _op=_op: _op(self, other))
    setattr(Array, f"__r{_name.strip('_')}__", lambda self, other, _op=_op: _op(other, self))
for _name in ("neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Array, f"__{_name}__", _function(getattr(operator, _name)))


class Library:
    """The namespace: NumPy's functions on `Array`."""

    __name__ = "spying"

    def __getattr__(self, name: str) -> Any:
        value = getattr(xp, name)
        return _function(value) if callable(value) and not isinstance(value, type) else value


library = Library()
library.astype = lambda x, dtype, /, *, copy=True, device=None: Array(x.array.astype(dtype, copy=copy))  # type: ignore[attr-defined]
