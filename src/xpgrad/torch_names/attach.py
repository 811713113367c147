"""Puts the methods onto Tensor: PyTorch's functions, the standard's under their own names, and the in-place twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import operators
from ..namespace import function
from ..tensor import Tensor
from . import (
    arithmetic,
    calculus,
    creating,
    diagonals,
    elementwise,
    filling,
    joining,
    matrices,
    methods,
    missing,
    order,
    products,
    queries,
    reductions,
    scattering,
    searching,
    shapes,
    special,
    spectra,
    twins,
    windows,
)

# each file's METHODS are functions and methods; its FUNCTIONS are functions alone
ROOMS: tuple[Any, ...] = (
    reductions, order, shapes, joining, arithmetic, elementwise, calculus, queries, windows, scattering, searching,
    diagonals, products, matrices, creating, special, spectra,
)  # fmt: skip

# the standard's functions that are methods of PyTorch's Tensor under the same name
STANDARD = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_or", "bitwise_xor",
    "ceil", "conj", "copysign", "cos", "cosh", "exp", "expm1", "floor", "hypot", "isfinite", "isinf", "isnan", "log",
    "log1p", "log2", "log10", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul",
    "maximum", "minimum", "multiply", "negative", "nextafter", "nonzero", "pow", "reciprocal", "relu", "remainder",
    "round", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "divide",
    "trunc", "tile", "positive", "bitwise_left_shift", "bitwise_right_shift", "greater", "greater_equal", "less",
    "less_equal", "not_equal", "erf", "erfc", "erfinv", "lgamma", "digamma", "hardshrink",
)  # fmt: skip


def torch_functions() -> dict[str, Callable[..., Any]]:
    """Every function that is spelled PyTorch's way, by name; `max`, `where`, `cat` and so on."""
    found: dict[str, Callable[..., Any]] = {new: _lazy(old) for new, old in arithmetic.RENAMED.items()}
    found["clip"] = elementwise.clamp
    for room in ROOMS:
        found |= {f.__name__: f for f in (*room.METHODS, *room.FUNCTIONS)}
    found |= {"concat": shapes.cat, "concatenate": shapes.cat, "broadcast_to": shapes.expand}
    found["row_stack"] = joining.vstack
    return found


def _lazy(name: str) -> Callable[..., Any]:
    """The standard's function called `name`, looked up at the first call."""

    def call(*args: Any, **params: Any) -> Any:
        return function(name)(*args, **params)

    call.__name__ = name
    call.__doc__ = f"The standard's ``{name}``."
    return call


def attach() -> dict[str, Callable[..., Any]]:
    """Give Tensor its methods; returns the functions of PyTorch's spelling."""
    found = torch_functions()
    for name in STANDARD:
        if name not in found:
            setattr(Tensor, name, _lazy(name))
    functions_alone = {f.__name__ for room in ROOMS for f in room.FUNCTIONS} | {"concat", "concatenate", "row_stack"}
    for name, f in found.items():
        if name not in functions_alone:
            setattr(Tensor, name, _self_second(f) if name in SELF_SECOND else f)
    twins.attach()
    operators.attach()
    methods.attach()
    filling.attach()
    Tensor.__getattr__ = missing.missing  # type: ignore[method-assign]
    return found | twins.functions()


# the functions whose second argument is the method's own Tensor: ``x.where(condition, other)``, ``x.polygamma(n)``
SELF_SECOND = ("where", "polygamma")


def _self_second(f: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Tensor, first: Any, *others: Any) -> Any:
        return f(first, self, *others)

    method.__name__ = method.__qualname__ = f.__name__
    method.__doc__ = f.__doc__
    return method
