"""Padding: constants, or what lies at the border, mirrored, repeated or wrapped around; and the adjoint of each.

`pads` names (before, after) for each of the last axes, the first of them first. Negative numbers take away, so the
gradient of a constant padding is a padding with the numbers negated.
"""

from __future__ import annotations

from typing import Any

from ..op import op
from .windows import cut, extend

Pads = tuple[tuple[int, int], ...]


def _axes(x: Any, pads: Pads) -> list[tuple[int, int, int]]:
    """(axis, before, after) for each padded axis."""
    return [(x.ndim - len(pads) + i, low, high) for i, (low, high) in enumerate(pads) if low or high]


def constant_pad(xp: Any, x: Any, *, pads: Pads, value: Any = 0) -> Any:
    """x with `value` around it.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([1, 2, 3])
        >>> x.__array_namespace__().constant_pad(x, pads=((1, -1),), value=7).tolist()
        [7, 1, 2]
    """
    for axis, low, high in _axes(x, pads):
        x = extend(xp, x, axis, -low, x.shape[axis] + high, value)
    return x


op("constant_pad", lambda xp, g, pads: xp.constant_pad(g, pads=tuple((-a, -b) for a, b in pads)),
   forward=constant_pad, node="ConstantPadNdBackward0")  # fmt: skip


def _ends(xp: Any, x: Any, axis: int, low: int, high: int, mode: str) -> tuple[Any, Any]:
    """What is laid before and after x along `axis`."""
    n = x.shape[axis]
    if mode == "circular":
        return cut(x, axis, n - low, n), cut(x, axis, 0, high)
    if mode == "reflect":
        return xp.flip(cut(x, axis, 1, low + 1), axis=axis), xp.flip(cut(x, axis, n - high - 1, n - 1), axis=axis)
    first, last = cut(x, axis, 0, 1), cut(x, axis, n - 1, n)
    shapes = [(*x.shape[:axis], count, *x.shape[axis + 1 :]) for count in (low, high)]
    return xp.broadcast_to(first, shapes[0]), xp.broadcast_to(last, shapes[1])


def border_pad(xp: Any, x: Any, *, pads: Pads, mode: str) -> Any:
    """x continued beyond its border: ``reflect`` (without the border itself), ``replicate`` or ``circular``.

    No number may be negative, nor larger than the axis has values to give.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([1, 2, 3])
        >>> x.__array_namespace__().border_pad(x, pads=((2, 1),), mode="reflect").tolist()
        [3, 2, 1, 2, 3, 2]
    """
    for axis, low, high in _axes(x, pads):
        before, after = _ends(xp, x, axis, low, high, mode)
        x = xp.concat([before, x, after], axis=axis)
    return x


def _returned(xp: Any, end: Any, axis: int, size: int, mode: str, left: bool) -> Any:
    """The gradient that one end of the padding gives back to its axis of `size` values."""
    count = end.shape[axis]
    if mode == "circular":
        return extend(xp, end, axis, count - size, count) if left else extend(xp, end, axis, 0, size)
    if mode == "reflect":
        start = -1 if left else count + 1 - size
        return extend(xp, xp.flip(end, axis=axis), axis, start, start + size)
    total = xp.sum(end, axis=axis, keepdims=True, dtype=end.dtype)
    return extend(xp, total, axis, 0, size) if left else extend(xp, total, axis, 1 - size, 1)


def border_pad_adjoint(xp: Any, z: Any, *, pads: Pads, mode: str) -> Any:
    """The adjoint of `border_pad`: what was laid around is added to where it came from."""
    for axis, low, high in reversed(_axes(z, pads)):
        size = z.shape[axis] - low - high
        total = cut(z, axis, low, low + size)
        if low:
            total = total + _returned(xp, cut(z, axis, 0, low), axis, size, mode, True)
        if high:
            total = total + _returned(xp, cut(z, axis, low + size, low + size + high), axis, size, mode, False)
        z = total
    return z


op("border_pad", lambda xp, g, pads, mode: xp.border_pad_adjoint(g, pads=pads, mode=mode),
   forward=border_pad, node="ReflectionPad2DBackward0")  # fmt: skip
op("border_pad_adjoint", lambda xp, g, pads, mode: xp.border_pad(g, pads=pads, mode=mode),
   forward=border_pad_adjoint, args="z", node="ReflectionPad2DBackwardBackward0")  # fmt: skip
