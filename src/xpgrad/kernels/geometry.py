"""What shapes and parameters of a convolution or a pooling mean, checked once for each combination and remembered.

PyTorch's checks, in its words where they are clear. A message begins with the op that was asked for.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from .. import dtypes
from .windows import paired, tupled

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Geometry:
    """How windows lie: for each spatial dimension (two at least) the kernel's length, stride, dilation, padding
    (before, after), the length of the input and that of the output."""

    name: str
    kernel: Shape
    stride: Shape
    dilation: Shape
    pads: tuple[tuple[int, int], ...]
    inner: Shape
    outer: Shape
    groups: int = 1


def _lifted(name: str, kernel: Shape, stride: Shape, dilation: Shape, pads: Any, inner: Shape, outer: Shape,
            groups: int = 1) -> Geometry:  # fmt: skip
    if len(kernel) == 1:  # one spatial dimension is two, the first of length 1
        kernel, stride, dilation, inner, outer = ((1, *v) for v in (kernel, stride, dilation, inner, outer))
        pads = ((0, 0), *pads)
    return Geometry(name, kernel, stride, dilation, pads, inner, outer, groups)


def check_arrays(geo: Geometry, x: Any, w: Any, b: Any = None, outs: int = 0) -> None:
    """What shapes alone do not say: one dtype for all, since a silent promotion would hide a float64 that slipped in,
    and a bias of `outs` numbers.

    Raises:
        RuntimeError: if that is not so.
    """
    if x.dtype != w.dtype or (b is not None and b.dtype != x.dtype):
        other, what = (w, "weight") if x.dtype != w.dtype else (b, "bias")
        names = [dtypes.from_native(a.dtype).name for a in (x, other)]
        raise RuntimeError(f"{geo.name}: Input type ({names[0]}) and {what} type ({names[1]}) should be the same; "
                           "convert one with .to(dtype)")  # fmt: skip
    if b is not None and tuple(b.shape) != (outs,):
        raise RuntimeError(f"{geo.name}: Given weight of size {_sizes(tuple(w.shape))}, expected bias to be "
                           f"1-dimensional with {outs} elements, but got bias of size {_sizes(tuple(b.shape))} "
                           "instead")  # fmt: skip


def _sizes(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _times(values: Any) -> str:
    return f"({' x '.join(map(str, values))})"


def _parameters(name: str, kernel: Shape, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Stride, dilation and padding as tuples, checked."""
    count = len(kernel)
    stride, dilation = tupled(name, "stride", stride, count), tupled(name, "dilation", dilation, count)
    if min(stride) <= 0:
        raise RuntimeError(f"{name}: non-positive stride is not supported, got stride={stride}")
    if min(dilation) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, got dilation={dilation}")
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, got groups={groups}")
    if padding == "same":
        if max(stride) > 1:
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        padding = tuple((t // 2, t - t // 2) for t in totals)
    elif padding == "valid":
        padding = 0
    elif isinstance(padding, str):
        raise RuntimeError(f"{name}: padding must be 'same', 'valid' or numbers, got '{padding}'")
    pads = paired(name, padding, count)
    if min(min(p) for p in pads) < 0:
        raise RuntimeError(f"{name}: negative padding is not supported, got padding={padding}")
    return stride, dilation, pads


def _check_ranks(name: str, x: Shape, w: Shape) -> None:
    count = len(w) - 2
    if count < 1 or len(x) != len(w):
        raise RuntimeError(f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input to {name}, but "
                           f"got input of size: {_sizes(x)} and weight of size {_sizes(w)}")  # fmt: skip
    if min(w[2:]) <= 0:
        raise RuntimeError(f"{name}: kernel size must be positive, got weight of size {_sizes(w)}")


def _check_groups(name: str, w: Shape, groups: int) -> None:
    if w[0] % groups or w[0] < groups:
        raise RuntimeError(f"{name}: Given groups={groups}, expected weight to be divisible by {groups} at dimension "
                           f"0, but got weight of size {_sizes(w)} instead")  # fmt: skip


def _span(kernel: Shape, dilation: Shape) -> Shape:
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


@functools.lru_cache(maxsize=1024)
def forward_geometry(x: Shape, w: Shape, stride: Any, padding: Any, dilation: Any, groups: int,
                     size: Shape | None) -> Geometry:  # fmt: skip
    """The geometry of ``convolution(x, w)``, from shapes.

    Raises:
        RuntimeError: if they do not fit each other.
    """
    name = f"conv{len(w) - 2}d"
    _check_ranks(name, x, w)
    stride, dilation, pads = _parameters(name, w[2:], stride, padding, dilation, groups)
    _check_groups(name, w, groups)
    if x[1] != w[1] * groups:
        raise RuntimeError(f"{name}: Given groups={groups}, weight of size {_sizes(w)}, expected input{_sizes(x)} to "
                           f"have {w[1] * groups} channels, but got {x[1]} channels instead")  # fmt: skip
    span = _span(w[2:], dilation)
    full = tuple(n + low + high for n, (low, high) in zip(x[2:], pads, strict=True))
    if any(n < s for n, s in zip(full, span, strict=True)):
        raise RuntimeError(f"{name}: Calculated padded input size per channel: {_times(full)}. Kernel size: "
                           f"{_times(span)}. Kernel size can't be greater than actual input size")  # fmt: skip
    fits = tuple((n - s) // t + 1 for n, s, t in zip(full, span, stride, strict=True))
    outer = fits if size is None else size
    if len(outer) != len(fits) or any(not 1 <= a <= f for a, f in zip(outer, fits, strict=True)):
        raise RuntimeError(f"{name}: asked for output size {_times(outer)}, but {_times(fits)} positions fit")
    # what the last windows reach, and no more: a stride may leave a rest uncovered
    reach = tuple((o - 1) * t + s for o, t, s in zip(outer, stride, span, strict=True))
    pads = tuple((low, r - n - low) for (low, _), r, n in zip(pads, reach, x[2:], strict=True))
    return _lifted(name, w[2:], stride, dilation, pads, x[2:], outer, groups)


@functools.lru_cache(maxsize=1024)
def backward_geometry(z: Shape, w: Shape, stride: Any, padding: Any, dilation: Any, groups: int,
                      size: Shape | None) -> Geometry:  # fmt: skip
    """The geometry of ``conv_input_grad(z, w)``, from shapes.

    Raises:
        RuntimeError: if they do not fit each other.
    """
    name = f"conv_transpose{len(w) - 2}d"
    _check_ranks(name, z, w)
    stride, dilation, pads = _parameters(name, w[2:], stride, padding, dilation, groups)
    _check_groups(name, w, groups)
    if z[1] != w[0]:
        raise RuntimeError(f"{name}: Given transposed=1, weight of size {_sizes(w)}, expected input{_sizes(z)} to "
                           f"have {w[0]} channels, but got {z[1]} channels instead")  # fmt: skip
    span = _span(w[2:], dilation)
    least = tuple((p - 1) * t - low - high + s
                  for p, t, (low, high), s in zip(z[2:], stride, pads, span, strict=True))  # fmt: skip
    inner = least if size is None else size
    if len(inner) != len(least) or any(
        not n <= a < n + max(t, d) for a, n, t, d in zip(inner, least, stride, dilation, strict=True)
    ):
        raise RuntimeError(f"{name}: output size {_times(inner)} does not fit input{_sizes(z)}: output padding must "
                           f"be smaller than either stride or dilation, so at least {_times(least)}")  # fmt: skip
    if min(inner) <= 0:
        raise RuntimeError(f"{name}: Given input size per channel: {_times(z[2:])}. Calculated output size per "
                           f"channel: {_times(inner)}. Output size is too small")  # fmt: skip
    return _lifted(name, w[2:], stride, dilation, pads, inner, z[2:], groups)


@functools.lru_cache(maxsize=1024)
def weight_geometry(z: Shape, x: Shape, kernel: Shape, stride: Any, padding: Any, dilation: Any,
                    groups: int) -> Geometry:  # fmt: skip
    """The geometry of ``conv_weight_grad(z, x)``, from shapes."""
    weight = (z[1], x[1] // max(groups, 1), *kernel)
    return forward_geometry(x, weight, stride, padding, dilation, groups, z[2:])


@functools.lru_cache(maxsize=1024)
def pool_geometry(name: str, x: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any,
                  ceil_mode: bool) -> Geometry:  # fmt: skip
    """The geometry of a pooling of an array of shape `x`; with `ceil_mode`, the last windows may reach beyond.

    Raises:
        RuntimeError: if shape and parameters do not fit each other.
    """
    count = len(x) - 2
    name = f"{name}{count}d"
    if count < 1:
        raise RuntimeError(f"{name}: Expected (N, C, spatial...) input, but got {len(x)}-dimensional input of size: "
                           f"{_sizes(x)}")  # fmt: skip
    kernel = tupled(name, "kernel_size", kernel, count)
    if min(kernel) <= 0:
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got {kernel}")
    stride, dilation, pads = _parameters(name, kernel, kernel if stride is None else stride, padding, dilation, 1)
    span = _span(kernel, dilation)
    if any(2 * max(pad) > s for pad, s in zip(pads, span, strict=True)):
        raise RuntimeError(f"{name}: pad should be at most half of effective kernel size, but got pad={padding}, "
                           f"kernel_size={kernel} and dilation={dilation}")  # fmt: skip
    outer = []
    for n, s, t, (low, high) in zip(x[2:], span, stride, pads, strict=True):
        rest = n + low + high - s
        size = (-(-rest // t) if ceil_mode else rest // t) + 1
        if ceil_mode and (size - 1) * t >= n + low:  # the last window would begin beyond the input
            size -= 1
        outer.append(size)
    if min(outer) <= 0 or 0 in x[1:]:
        raise RuntimeError(f"{name}: Given input size: {_times(x[1:])}. Calculated output size: "
                           f"{_times((x[1], *outer))}. Output size is too small")  # fmt: skip
    return _lifted(name, kernel, stride, dilation, pads, x[2:], tuple(outer))


@functools.lru_cache(maxsize=1024)
def patch_geometry(name: str, x: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Geometry:
    """The geometry of the windows that `im2col` makes columns of, without a dimension added.

    Raises:
        RuntimeError: if shape and parameters do not fit each other.
    """
    count = len(x) - 2
    kernel = tupled(name, "kernel_size", kernel, count)
    if min(kernel) <= 0:
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got {kernel}")
    stride, dilation, pads = _parameters(name, kernel, stride, padding, dilation, 1)
    span = _span(kernel, dilation)
    outer = tuple((n + low + high - s) // t + 1 for n, s, t, (low, high) in zip(x[2:], span, stride, pads, strict=True))
    if min(outer) <= 0:
        raise RuntimeError(f"{name}: Given input with spatial size {_times(x[2:])}, kernel_size={kernel}, "
                           f"dilation={dilation}, padding={pads}, stride={stride}, calculated shape of the array of "
                           f"sliding blocks as {_times(outer)}, but its components must be at least one.")  # fmt: skip
    return Geometry(name, kernel, stride, dilation, pads, x[2:], outer)
