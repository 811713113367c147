"""Gradients of the standard's discrete Fourier transforms: ops named ``fft.<name>``.

Each transform is linear, so its gradient is its adjoint, and the adjoint of a Fourier transform is the inverse one with
the other scale: what divided by the length on the way there must not do so on the way back (`_OTHER`). Before the
transform the input is cut or padded with zeros to length `n`; the adjoint of cutting is padding, and the reverse
(`_resize`).

The transforms of real signals keep the first ``n // 2 + 1`` coefficients only. All of them but the first and (for even
n) the last stand for two of the whole spectrum; `_ends` weighs them, by 1/2 where the inverse would count them twice,
by 2 where the gradient must. Values and conventions are PyTorch's: a complex gradient is that of the real and the
imaginary part.

`fftfreq` and `rfftfreq` take no array and therefore have no op; they are creation functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..op import Rule, conj, op
from .linalg import alike

_OTHER = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _resize(xp: Any, x: Any, shape: Sequence[int], axes: Sequence[int]) -> Any:
    """`x` cut, or padded with zeros at the end, to the lengths that `shape` has on `axes`."""
    for axis in axes:
        axis %= len(shape)
        missing = shape[axis] - x.shape[axis]
        if missing < 0:
            x = x[(*(slice(None),) * axis, slice(shape[axis]), ...)]
        elif missing > 0:
            zeros = (*x.shape[:axis], missing, *x.shape[axis + 1 :])
            x = xp.concat([x, xp.zeros(zeros, **alike(x))], axis=axis)
    return x


def _ends(xp: Any, x: Any, n: int, axis: int, weight: float) -> Any:
    """The half spectrum `x` of `n` real points, times `weight` where a coefficient stands for two."""
    kind = alike(x)
    one, inner, last = (1,), ((n - 1) // 2,), (1 - n % 2,)
    scale = xp.concat([xp.ones(one, **kind), xp.full(inner, weight, **kind), xp.ones(last, **kind)])
    return x * xp.reshape(scale, (-1,) + (1,) * (-1 - axis if axis < 0 else x.ndim - 1 - axis))


def _axes(shape: Sequence[int], s: Sequence[int] | None, axes: Sequence[int] | None) -> Sequence[int]:
    """The axes that a transform runs over: those given, else the last ones that `s` names, else all."""
    if axes is not None:
        return axes
    return tuple(range(len(shape) - len(s) if s is not None else 0, len(shape)))


# One axis


def _complex(inverse: str) -> Rule:
    def rule(xp: Any, g: Any, x_shape: Any, axis: int = -1, norm: str = "backward") -> Any:
        return _resize(xp, getattr(xp.fft, inverse)(g, axis=axis, norm=_OTHER[norm]), x_shape, (axis,))

    return rule


def _real(xp: Any, g: Any, x_shape: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    n = x_shape[axis] if n is None else n
    out = xp.fft.irfft(_ends(xp, g, n, axis, 0.5), n=n, axis=axis, norm=_OTHER[norm])
    return _resize(xp, out, x_shape, (axis,))


def _to_real(xp: Any, g: Any, x_shape: Any, axis: int = -1, norm: str = "backward") -> Any:
    out = _ends(xp, xp.fft.rfft(g, axis=axis, norm=_OTHER[norm]), g.shape[axis], axis, 2.0)
    return _resize(xp, out, x_shape, (axis,))


def _hermitian(xp: Any, g: Any, x_shape: Any, axis: int = -1, norm: str = "backward") -> Any:
    # hfft(x) is irfft(conj(x)) with the other scale
    return conj(xp, _to_real(xp, g, x_shape, axis, _OTHER[norm]))


def _to_hermitian(xp: Any, g: Any, x_shape: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    # ihfft(x) is conj(rfft(x)) with the other scale
    return _real(xp, conj(xp, g), x_shape, n, axis, _OTHER[norm])


op("fft.fft", _complex("ifft"), node="FftC2CBackward0")
op("fft.ifft", _complex("fft"), node="FftC2CBackward0")
op("fft.rfft", _real, node="FftR2CBackward0")
op("fft.irfft", _to_real, node="FftC2RBackward0")
op("fft.hfft", _hermitian, node="FftC2RBackward0")
op("fft.ihfft", _to_hermitian, node="ConjPhysicalBackward0")


# Several axes


def _complex_n(inverse: str) -> Rule:
    def rule(xp: Any, g: Any, x_shape: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
        axes = _axes(x_shape, s, axes)
        return _resize(xp, getattr(xp.fft, inverse)(g, axes=axes, norm=_OTHER[norm]), x_shape, axes)

    return rule


def _real_n(xp: Any, g: Any, x_shape: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
    axes = _axes(x_shape, s, axes)
    # the transform's last axis is halved in g; -1 in s leaves an axis as long as it was
    n = x_shape[axes[-1]] if s is None or s[-1] == -1 else s[-1]
    sizes = [*(g.shape[axis] for axis in axes[:-1]), n]
    out = xp.fft.irfftn(_ends(xp, g, n, axes[-1], 0.5), s=sizes, axes=axes, norm=_OTHER[norm])
    return _resize(xp, out, x_shape, axes)


def _to_real_n(xp: Any, g: Any, x_shape: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
    axes = _axes(x_shape, s, axes)
    out = _ends(xp, xp.fft.rfftn(g, axes=axes, norm=_OTHER[norm]), g.shape[axes[-1]], axes[-1], 2.0)
    return _resize(xp, out, x_shape, axes)


op("fft.fftn", _complex_n("ifftn"), node="FftC2CBackward0")
op("fft.ifftn", _complex_n("fftn"), node="FftC2CBackward0")
op("fft.rfftn", _real_n, node="FftR2CBackward0")
op("fft.irfftn", _to_real_n, node="FftC2RBackward0")


# Reordering

op("fft.fftshift", lambda xp, g, axes=None: xp.fft.ifftshift(g, axes=axes), node="RollBackward0")
op("fft.ifftshift", lambda xp, g, axes=None: xp.fft.fftshift(g, axes=axes), node="RollBackward0")
