"""Dropout: masks drawn on the host by the generator, so that a seed gives the same on every library."""

from __future__ import annotations

from typing import Any

from ... import random
from ...modes import no_grad
from ...op import device_of
from ...tensor import Tensor, make
from ...views import in_place
from ._call import call


def mask_like(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """What dropout multiplies with: 0 with probability `p`, else 1 / (1 - p)."""
    host = random.default_generator.dropout(tuple(shape), p, input.dtype)
    array = input.array
    return make(input.library.native.asarray(host, dtype=array.dtype, device=device_of(array)))


def check_probability(p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _dropped(input: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    check_probability(p)
    if not training or p == 0 or input.size == 0:
        return input
    with no_grad():
        mask = 0.0 if p == 1 else mask_like(input, shape, p)
    if inplace:
        return in_place(input, "dropout_", lambda t: call("multiply", t, mask))
    return call("multiply", input, mask)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to 0 with probability `p`, and divide the others by ``1 - p``.

    Raises:
        ValueError: if `p` is not in [0, 1].
    """
    return _dropped(input, input.shape, p, training, inplace)


def _channels(spatial: int) -> Any:
    def channel_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if input.ndim not in (spatial + 1, spatial + 2):
            raise RuntimeError(f"dropout{spatial}d: Expected {spatial + 1}D or {spatial + 2}D input, but received a "
                               f"{input.ndim}D input")  # fmt: skip
        kept = input.ndim - spatial
        return _dropped(input, (*input.shape[:kept], *(1,) * spatial), p, training, inplace)

    channel_dropout.__name__ = channel_dropout.__qualname__ = f"dropout{spatial}d"
    channel_dropout.__doc__ = "`dropout` of whole channels: (batch, channels, ...) or (channels, ...)."
    return channel_dropout


dropout1d, dropout2d, dropout3d = _channels(1), _channels(2), _channels(3)


_ALPHA = 1.7580993408473766  # -(scale alpha) of selu: what a dropped value is set to


def _alpha_dropped(input: Tensor, shape: Any, p: float, training: bool, inplace: bool) -> Tensor:
    check_probability(p)
    if not training or p == 0 or input.size == 0:
        return input
    with no_grad():
        if p == 1:
            scale: Any = 0.0
            shift: Any = 0.0
        else:
            kept: Any = mask_like(input, tuple(shape), p) * (1 - p)
            a = 1 / ((_ALPHA * _ALPHA * p + 1) * (1 - p)) ** 0.5
            scale, shift = kept * a, (kept - 1) * (_ALPHA * a) + _ALPHA * a * p

    def dropped(t: Any) -> Tensor:
        return call("add", call("multiply", t, scale), shift)

    return in_place(input, "alpha_dropout_", dropped) if inplace else dropped(input)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1, for `selu`. Klambauer et al. (2017)."""
    return _alpha_dropped(input, input.shape, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels: (batch, channels, ...)."""
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha_dropped(input, shape, p, training, inplace)
