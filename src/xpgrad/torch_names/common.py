"""What PyTorch's spellings share: dims and their errors, 0-d Tensors that count as lines, operands that are numbers."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..op import device_of
from ..operands import python_number
from ..tensor import Tensor, make


@functools.cache
def results(name: str, fields: str = "values indices") -> Any:
    """The named tuple that the function `name` returns; it prints as PyTorch's does."""
    base = namedtuple(name, fields)  # type: ignore[misc]

    def text(self: Any) -> str:
        return (
            f"torch.return_types.{name}(\n"
            + ",\n".join(f"{f}={v!r}" for f, v in zip(self._fields, self, strict=True))
            + ")"
        )

    return type(name, (base,), {"__slots__": (), "__repr__": text})


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; a 0-d Tensor counts as having one dim.

    Raises:
        IndexError: if it is out of range, as PyTorch says it.
    """
    n = ndim or 1
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def wrap_dims(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """One dim or several, as a tuple counted from the front; None for all, which an empty tuple means too.

    Raises:
        IndexError: if one is out of range. RuntimeError: if one is given twice.
    """
    if dim is None:
        return None
    wrapped = tuple(wrap_dim(int(d), ndim) for d in (dim if isinstance(dim, list | tuple) else (dim,)))
    for d in wrapped:
        if wrapped.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return wrapped or None


def reshaped(value: Any, shape: tuple[int, ...]) -> Any:
    """A Tensor, or each of a tuple of them, in another shape."""
    if not isinstance(value, tuple):
        return function("reshape")(value, shape)
    parts = [function("reshape")(v, shape) for v in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def line(f: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function along one dim take a 0-d Tensor as a line of one element, with 0-d results."""

    @functools.wraps(f)
    def along(input: Any, *args: Any, **params: Any) -> Any:
        if input.ndim:
            return f(input, *args, **params)
        return reshaped(f(function("reshape")(input, (1,)), *args, **params), ())

    return along


def part(dim: int, start: Any, stop: Any = None) -> tuple[Any, ...]:
    """The key of the slice from `start` to `stop` along `dim`."""
    return (*[slice(None)] * dim, slice(start, stop))


def cast(input: Any, dtype: Any) -> Any:
    """`input` in `dtype`; itself if there is none."""
    return input if dtype is None else input.to(dtype)


def summable(input: Any, dtype: Any) -> Any:
    """`input` in the dtype in which PyTorch adds it up: as asked, else int64 for integers and bools."""
    if dtype is None and dtypes.rank(input.dtype) < 2:
        dtype = dtypes.int64
    return cast(input, dtype)


def isnan(input: Any) -> Any:
    """Where it is nan; nowhere for integers."""
    xp = input.__array_namespace__()
    return xp.isnan(input) if dtypes.rank(input.dtype) > 1 else xp.zeros_like(input, dtype=dtypes.bool_)


def floating(input: Any) -> Any:
    """`input`, integers in the default floating dtype."""
    return input if dtypes.rank(input.dtype) > 1 else input.to(dtypes.get_default_dtype())


def number(value: Any, like: Any) -> Any:
    """A number as a 0-d Tensor beside `like`, in the dtype that the two have together; a Tensor as it is."""
    if isinstance(value, Tensor):
        return value
    value = python_number(value) if not isinstance(value, bool) else value
    dtype = dtypes.common([like.dtype], [value], floats=False)
    native = like.library.native
    return make(native.asarray(value, dtype=dtypes.native(native, dtype), device=device_of(like._array)))


def pair(a: Any, b: Any, floats: bool = False) -> tuple[Any, Any]:
    """Two operands, one of them perhaps a number, as Tensors of a common dtype."""
    if not isinstance(a, Tensor):
        a = number(a, b)
    b = number(b, a)
    dtype = dtypes.promote(a.dtype, b.dtype)
    if floats and dtypes.rank(dtype) < 2:
        dtype = dtypes.get_default_dtype()
    return a.to(dtype), b.to(dtype)


def positions(like: Any, n: int, dim: int = -1, ndim: int = 1) -> Any:
    """0 ... n-1 as int64 beside `like`, lying along `dim` of `ndim` dims."""
    shape = [1] * ndim
    shape[dim] = n
    return function("reshape")(
        like.__array_namespace__().arange(n, dtype=dtypes.int64, device=like.device), tuple(shape)
    )
