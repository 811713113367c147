"""Cases of the fft extension: every transform in every norm, cut and padded, of odd and of even length."""

from __future__ import annotations

from typing import Any

from . import case, real

_NORMS = ("backward", "ortho", "forward")


def _complex(xp: Any, x: Any) -> Any:
    """A real array as a complex one of its precision, for the transforms that take complex input only."""
    if xp.isdtype(x.dtype, "complex floating"):
        return x
    return xp.astype(x, xp.complex64 if x.dtype == xp.float32 else xp.complex128)


def _transform(name: str, shape: tuple[int, ...], **how: Any) -> None:
    """One case; `how` holds what is given of n or s, axis or axes, norm."""
    takes_real = name in ("rfft", "rfftn", "ihfft")
    spelled = {{"axis": "dim", "axes": "dim"}.get(key, key): value for key, value in how.items()}

    def call(xp: Any, x: Any) -> Any:
        return getattr(xp.fft, name)(x if takes_real else _complex(xp, x), **how)

    def torch(torch: Any, x: Any) -> Any:
        return getattr(torch.fft, name)(x, **spelled)

    case(f"fft.{name}", real(*shape), call=call, torch=torch, complex=not takes_real, **how)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    for _norm in _NORMS:
        for _length in (4, 5):
            for _n in (None, 3, 6, 7):
                _transform(_name, (2, _length), n=_n, norm=_norm)
    _transform(_name, (4, 3, 2), axis=0)
    _transform(_name, (4, 3, 2), axis=-2, n=5)
    _transform(_name, (3,), n=1)

for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    for _norm in _NORMS:
        _transform(_name, (3, 4), norm=_norm)
        _transform(_name, (3, 5), norm=_norm, s=(4, 4), axes=(0, 1))
        _transform(_name, (4, 2, 3), norm=_norm, axes=(-1, 0))
    _transform(_name, (3, 4, 3), s=(2, 5), axes=(2, 0))
    _transform(_name, (4, 5), s=(5, 3), axes=(-2, -1))

for _name in ("fftshift", "ifftshift"):
    for _axes in (None, 0, (0, -1)):
        case(f"fft.{_name}", real(3, 4), axes=_axes, complex=True,
             call=lambda xp, x, name=_name, axes=_axes: getattr(xp.fft, name)(_complex(xp, x), axes=axes),
             torch=lambda torch, x, name=_name, axes=_axes: getattr(torch.fft, name)(x, dim=axes))  # fmt: skip
