"""``xpgrad.fft``: discrete Fourier transforms as PyTorch spells them, on the standard's.

Integers become the default floating dtype, and real numbers complex ones where the transform takes those. The
transforms over several dims of half-Hermitian signals, which the standard lacks, are made of those over one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import creation, dtypes
from .namespace import function
from .torch_names.common import floating, wrap_dim, wrap_dims

_NORMS = (None, "backward", "ortho", "forward")
_REAL_INPUT = ("rfft", "ihfft", "rfftn", "ihfftn")


def _ready(name: str, input: Any, norm: str | None) -> Any:
    """`input` in the dtype that the transform takes."""
    if norm not in _NORMS:
        raise RuntimeError(f"Invalid normalization mode: {norm!r}; choose one of backward, ortho, forward")
    x = floating(input)
    if name not in _REAL_INPUT:
        return x if x.dtype.is_complex else x.to(x.dtype.to_complex())
    if x.dtype.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype}")
    return x


def _points(n: int | None) -> int | None:
    if n is not None and n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def _one(name: str, what: str) -> Callable[..., Any]:
    def transform(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        x = _ready(name, input, norm)
        return function(f"fft.{name}")(x, n=_points(n), axis=wrap_dim(dim, x.ndim), norm=norm or "backward")

    return _named(transform, name, f"{what} along `dim`, cut or padded with zeros to length `n` first.")


def _named(f: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return f


fft = _one("fft", "The discrete Fourier transform")
ifft = _one("ifft", "The inverse of `fft`")
rfft = _one("rfft", "The first half of the Fourier transform of a real signal")
irfft = _one("irfft", "The inverse of `rfft`: a real signal of length `n`")
hfft = _one("hfft", "The real Fourier transform of a Hermitian signal that is given by its first half")
ihfft = _one("ihfft", "The inverse of `hfft`")


def _dims(x: Any, s: Any, dim: Any, halved: bool) -> tuple[Any, tuple[int, ...]]:
    """The lengths (None if none are given) and the dims of a transform over several; the last dim is `halved` in x."""
    s = (s,) if isinstance(s, int) else s
    axes = wrap_dims(dim, x.ndim) if dim is not None else None
    if axes is None:
        axes = tuple(range(x.ndim - len(s) if s is not None else 0, x.ndim))
    if s is None:
        return None, axes
    if len(s) != len(axes):
        raise RuntimeError(
            f"When given, dim and shape arguments must have the same length, got {len(axes)} and {len(s)}"
        )
    sizes = [x.shape[a] if n == -1 else _points(n) for n, a in zip(s, axes, strict=True)]
    if halved and s[-1] == -1:
        sizes[-1] = 2 * (x.shape[axes[-1]] - 1)
    return tuple(sizes), axes


def _several(name: str, what: str) -> Callable[..., Any]:
    base = name.replace("fft2", "fftn")
    default = (-2, -1) if name.endswith("2") else None
    halved = base in ("irfftn", "hfftn")

    def transform(input: Any, s: Any = None, dim: Any = default, norm: str | None = None) -> Any:
        x = _ready(base, input, norm)
        sizes, axes = _dims(x, s, dim, halved)
        if not axes and "n" in base:
            if base not in ("fftn", "ifftn"):
                raise RuntimeError(f"{name} must transform at least one axis")
            return x
        norm = norm or "backward"
        if base not in ("hfftn", "ihfftn"):
            return function(f"fft.{base}")(x, s=sizes, axes=axes, norm=norm)
        last, n = axes[-1], None if sizes is None else sizes[-1]
        if base == "ihfftn":
            x = function("fft.ihfft")(x, n=n, axis=last, norm=norm)
        if len(axes) > 1:
            inner = function("fft.fftn" if base == "hfftn" else "fft.ifftn")
            x = inner(x, s=None if sizes is None else sizes[:-1], axes=axes[:-1], norm=norm)
        return x if base == "ihfftn" else function("fft.hfft")(x, n=n, axis=last, norm=norm)

    return _named(transform, name, f"{what} over `dim`{' (the last two)' if default else ''}; `s` has the lengths.")


fft2, fftn = (_several(n, "The discrete Fourier transform") for n in ("fft2", "fftn"))
ifft2, ifftn = (_several(n, "The inverse discrete Fourier transform") for n in ("ifft2", "ifftn"))
rfft2, rfftn = (_several(n, "The first half of the Fourier transform of a real signal") for n in ("rfft2", "rfftn"))
irfft2, irfftn = (_several(n, "The inverse of the Fourier transform of a real signal") for n in ("irfft2", "irfftn"))
hfft2, hfftn = (_several(n, "The real Fourier transform of a half-Hermitian signal") for n in ("hfft2", "hfftn"))
ihfft2, ihfftn = (_several(n, "The inverse of the transform of a half-Hermitian signal") for n in ("ihfft2", "ihfftn"))


def fftshift(input: Any, dim: Any = None) -> Any:
    """Frequency 0 moved to the middle."""
    return function("fft.fftshift")(input, axes=wrap_dims(dim, input.ndim))


def ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of `fftshift`."""
    return function("fft.ifftshift")(input, axes=wrap_dims(dim, input.ndim))


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """The frequencies of `fft` for `n` points that lie `d` apart.

    Example:
        >>> import xpgrad
        >>> xpgrad.fft.fftfreq(4)
        tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    kind = dtype or dtypes.get_default_dtype()
    order = [*range((n + 1) // 2), *range(-(n // 2), 0)]
    out = creation.tensor([k / (n * d) for k in order], dtype=kind, device=device)
    return out.requires_grad_(requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """The frequencies of `rfft` for `n` points that lie `d` apart."""
    kind = dtype or dtypes.get_default_dtype()
    out = creation.tensor([k / (n * d) for k in range(n // 2 + 1)], dtype=kind, device=device)
    return out.requires_grad_(requires_grad)
