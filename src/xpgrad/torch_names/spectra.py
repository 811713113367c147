"""The short-time Fourier transform and its inverse: overlapping windows of a signal, each transformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..namespace import function
from ..op import OPS
from ..tensor import apply, current
from .common import positions
from .creating import view_as_complex, view_as_real
from .searching import unfold


def _window(input: Any, n_fft: int, win_length: int | None, window: Any) -> Any:
    """The window with zeros on both sides up to `n_fft`; ones where none is given."""
    length = n_fft if win_length is None else win_length
    if not 0 < length <= n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft, but got win_length={length} and n_fft={n_fft}")
    xp = input.__array_namespace__()
    if window is None:
        window = xp.ones((length,), dtype=input.dtype.to_real(), device=input.device)
    if tuple(window.shape) != (length,):
        raise RuntimeError(f"stft: expected a 1D window tensor of size equal to win_length={length}, but got window "
                           f"with size "
                           f"{list(window.shape)}")  # fmt: skip
    before = (n_fft - length) // 2
    return function("constant_pad")(window, pads=((before, n_fft - length - before),))


def stft(input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
         center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
         return_complex: bool | None = None, align_to_window: bool | None = None) -> Any:  # fmt: skip
    """The spectra of windows of `n_fft` points, `hop_length` apart: (..., frequencies, frames).

    Args:
        input: a signal, or a batch of them, (L,) or (B, L).
        hop_length: a quarter of `n_fft` if not given.
        window: weights of `win_length` points; ones if not given.
        center: the signal is padded by half a window on both sides first, in the mode `pad_mode`.
        normalized: divided by the root of `n_fft`.
        onesided: half of the frequencies; by default for a real signal.
        return_complex: False for pairs of numbers in a last dim; must be given for a real signal.

    Raises:
        RuntimeError: if the signal is shorter than `n_fft`, or `return_complex` is missing.
    """
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.ndim}D")
    if return_complex is None and not input.dtype.is_complex:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs")
    weights = _window(input, n_fft, win_length, window)
    hop = n_fft // 4 if hop_length is None else hop_length
    if center:
        pads = ((n_fft // 2, n_fft // 2),)
        padded = {"value": 0} if pad_mode == "constant" else {"mode": pad_mode}
        input = function("constant_pad" if pad_mode == "constant" else "border_pad")(input, pads=pads, **padded)
    if n_fft > input.shape[-1]:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {input.shape[-1]}, but got n_fft={n_fft}")
    frames = unfold(input, -1, n_fft, hop) * weights
    real = not frames.dtype.is_complex
    onesided = real if onesided is None else onesided
    if onesided and not real:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not onesided and real:
        frames = frames.to(frames.dtype.to_complex())
    spectra = function("fft.rfft" if onesided else "fft.fft")(frames, norm="ortho" if normalized else "backward").mT
    return spectra if return_complex is not False else view_as_real(spectra)


def _overlapped(frames: Any, hop: int, size: int) -> Any:
    """The sum of frames (..., T, n), each laid `hop` after the one before, in `size` points."""
    count, n = frames.shape[-2:]
    index = positions(frames, count, 0, 2) * hop + positions(frames, n, 1, 2)
    shape = (*frames.shape[:-2], size)
    return apply(OPS["getitem_adjoint"], (frames,), {"key": (..., current(index)), "shape": shape})


def istft(input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
          center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
          return_complex: bool = False) -> Any:  # fmt: skip
    """The signal whose spectra `stft` returned, by least squares: the sum of weighted frames over that of squared
    weights.

    Args:
        length: of the signal, cut or padded with zeros; what the frames cover if not given.

    Raises:
        RuntimeError: if the windows leave a point without weight.
    """
    if not input.dtype.is_complex:
        input = view_as_complex(input)
    xp = input.__array_namespace__()
    weights = _window(input, n_fft, win_length, window)
    hop = n_fft // 4 if hop_length is None else hop_length
    onesided = input.shape[-2] != n_fft if onesided is None else onesided
    norm = "ortho" if normalized else "backward"
    if return_complex and onesided:
        raise RuntimeError("cannot have onesided input when return_complex is True")
    if not return_complex:  # a real signal is in the first half of its spectrum
        input = input[..., : n_fft // 2 + 1, :]
    frames = function("fft.ifft" if return_complex else "fft.irfft")(input.mT, n=n_fft, norm=norm)
    count = input.shape[-1]
    covered = n_fft + hop * (count - 1)
    signal = _overlapped(frames * weights, hop, covered)
    total = _overlapped(xp.broadcast_to(weights * weights, (count, n_fft)), hop, covered)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else covered - start
    signal, total = signal[..., start:end], total[start:end]
    if bool((xp.abs(total.detach()) < 1e-11).any()):
        raise RuntimeError(
            "istft: window overlap add min is 0: some points have no weight; choose another window or hop_length"
        )
    signal = signal / total
    missing = end - start - signal.shape[-1] if length is not None else 0
    return function("constant_pad")(signal, pads=((0, missing),), value=0) if missing > 0 else signal


METHODS: tuple[Callable[..., Any], ...] = (stft, istft)
FUNCTIONS: tuple[Callable[..., Any], ...] = ()
