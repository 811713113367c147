"""Tensors made beside others, from parts, and from little formulas: `new_zeros`, `complex`, `vander` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import creation, dtypes
from ..namespace import function
from ..tensor import Tensor


def _beside(name: str, made: str) -> Callable[..., Any]:
    def new(input: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
            layout: Any = None, pin_memory: bool = False) -> Any:  # fmt: skip
        size = size or ((),)
        xp = input.__array_namespace__()
        out = getattr(xp, made)(creation.shape_of(size), dtype=dtype or input.dtype, device=device or input.device)
        return out.requires_grad_(requires_grad)

    new.__name__ = new.__qualname__ = name
    new.__doc__ = f"A Tensor of `size`, {made}, of the library, dtype and device of `input`."
    return new


new_zeros, new_ones, new_empty = (
    _beside("new_zeros", "zeros"),
    _beside("new_ones", "ones"),
    _beside("new_empty", "empty"),
)


def new_full(input: Any, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, layout: Any = None, pin_memory: bool = False) -> Any:  # fmt: skip
    """A Tensor of `size` filled with one number, of the library, dtype and device of `input`."""
    fill = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    xp = input.__array_namespace__()
    out = xp.full(creation.shape_of((size,)), fill, dtype=dtype or input.dtype, device=device or input.device)
    return out.requires_grad_(requires_grad)


def new_tensor(input: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A Tensor with a copy of `data`, of the library, dtype and device of `input`."""
    xp = input.__array_namespace__()
    plain = data.detach() if isinstance(data, Tensor) else data
    out = xp.asarray(plain, dtype=dtype or input.dtype, device=device or input.device, copy=True)
    return out.detach().requires_grad_(requires_grad)


def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None
) -> Any:
    """A 0-d Tensor with one number, of the default dtype if none is given."""
    kind = dtype or (dtypes.get_default_dtype().to_complex() if isinstance(s, complex) else dtypes.get_default_dtype())
    return creation.full((), s, dtype=kind, device=device, requires_grad=requires_grad)


def complex_(real: Any, imag: Any) -> Any:
    """real + i imag.

    Raises:
        RuntimeError: if the dtypes differ or are not real floating ones.
    """
    if real.dtype is not imag.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {real.dtype} but got scalar type {imag.dtype} for second argument"
        )
    if not real.dtype.is_floating_point:
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype} and {imag.dtype}"
        )
    return real.to(real.dtype.to_complex()) + 1j * imag.to(imag.dtype.to_complex())


complex_.__name__ = complex_.__qualname__ = "complex"


def polar(abs: Any, angle: Any) -> Any:
    """abs (cos angle + i sin angle)."""
    xp = abs.__array_namespace__()
    return complex_(abs * xp.cos(angle), abs * xp.sin(angle))


def view_as_real(input: Any) -> Any:
    """The real and imaginary parts in a new last dim; a copy here, and not a view."""
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    xp = input.__array_namespace__()
    return xp.stack([xp.real(input), xp.imag(input)], axis=-1)


def view_as_complex(input: Any) -> Any:
    """Complex numbers from pairs in the last dim; a copy here, and not a view."""
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got {input.dtype}"
        )
    if input.ndim == 0 or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    return complex_(input[..., 0], input[..., 1])


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element of a vector, in columns: N-1 ... 0, or 0 ... N-1 if `increasing`."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    spread = function("broadcast_to")(x.reshape(-1, 1), (x.shape[0], max(n - 1, 0)))
    powers = function("cumulative_prod")(spread, axis=1, include_initial=True)[:, :n]
    return powers if increasing else function("flip")(powers, axis=1)


METHODS = (new_zeros, new_ones, new_empty, new_full, new_tensor)
FUNCTIONS: tuple[Callable[..., Any], ...] = (scalar_tensor, complex_, polar, view_as_real, view_as_complex, vander)
