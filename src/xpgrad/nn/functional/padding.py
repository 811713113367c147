"""`pad`, in all of PyTorch's modes."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ._call import call

_MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """More values around the last axes, or fewer.

    Args:
        input: of any shape; for modes other than ``constant``, with one or two axes before those that are padded.
        pad: (before, after) for the last axis, then for the one before it, and so on; negative numbers take away.
        mode: ``constant``, ``reflect``, ``replicate`` or ``circular``.
        value: what is laid around in mode ``constant``; 0 if not given.

    Raises:
        RuntimeError, NotImplementedError, ValueError: if `pad` does not fit.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.pad(xpgrad.tensor([1, 2]), (1, 2))
        tensor([0, 1, 2, 0, 0])
    """
    numbers = (pad,) if isinstance(pad, int) else tuple(int(p) for p in pad)
    if len(numbers) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(numbers) // 2 > input.ndim:
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension but got "
                           f"padding length {len(numbers)} and input of dimension {input.ndim}")  # fmt: skip
    if mode not in _MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    pads = tuple(zip(numbers[-2::-2], numbers[-1::-2], strict=True))
    sizes = input.shape[input.ndim - len(pads) :]
    for n, (low, high) in zip(sizes, pads, strict=True):
        if n + low + high < 0:
            raise RuntimeError(f"The input size {n}, plus negative padding {low} and {high}, resulted in a negative "
                               "output size, which is invalid.")  # fmt: skip
    if mode == "constant":
        return call("constant_pad", input, pads=pads, value=0 if value is None else value)
    if value:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= len(pads) <= 3 or input.ndim not in (len(pads) + 1, len(pads) + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; got "
                                  f"{input.ndim} axes and padding length {len(numbers)}")  # fmt: skip
    if mode != "circular" and 0 in input.shape[1 - len(pads) - 1 :]:
        raise RuntimeError(f"{mode} padding: Expected input with possibly 0 batch size and other non-zero dimensions, "
                           f"but got: {list(input.shape)}")  # fmt: skip
    most = {"reflect": -1, "circular": 0}.get(mode)
    for n, p in zip(sizes, pads, strict=True):
        if most is not None and max(p) > n + most:
            if mode == "reflect":
                raise RuntimeError("Padding size should be less than the corresponding input dimension, but got: "
                                   f"padding {p} at a dimension of size {n} of input {list(input.shape)}")  # fmt: skip
            raise RuntimeError("Padding value causes wrapping around more than once.")
    if min(map(min, pads)) >= 0:
        return call("border_pad", input, pads=pads, mode=mode)
    more, less = (tuple((f(a, 0), f(b, 0)) for a, b in pads) for f in (max, min))
    if mode == "circular":  # what is left goes round; in the other modes what is taken away may still be mirrored
        return call("border_pad", call("constant_pad", input, pads=less), pads=more, mode=mode)
    return call("constant_pad", call("border_pad", input, pads=more, mode=mode), pads=less)
