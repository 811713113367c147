"""Convolution: three maps, one form.

A convolution is trilinear in input x, weight w and a gradient z of its output:

    <z, convolution(x, w)>  =  <x, conv_input_grad(z, w)>  =  <w, conv_weight_grad(z, x)>

The three maps are the ops, and the gradient rules of each are the other two, so every order comes for free; the
transposed convolution is `conv_input_grad` itself. One code serves 1, 2 and 3 dimensions, stride, padding (a pair for
each axis), dilation and groups.

Each map is matrix products of the weight with windows. The plain formulation copies every window (`_all_columns`)
and multiplies once; it serves compilers, devices, groups and dilated rows. Elsewhere (`_by_rows`) less is copied:
windows along all spatial axes but the first; along the first, K consecutive rows are one contiguous block already (see
`windows`), and a band holding the weight R times, shifted, gives R output rows in one product. Rows of padding are left
out of the product.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

from ..op import conj, op
from .geometry import Geometry, backward_geometry, check_arrays, forward_geometry, weight_geometry
from .host import waits
from .windows import (
    axis_of,
    batch_first,
    columns,
    cut,
    device_of,
    extend,
    fold,
    interleave,
    padded,
    phase,
    rows_first,
    settled,
)


def convolution(xp: Any, x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                groups: int = 1, size: tuple[int, ...] | None = None) -> Any:  # fmt: skip
    """``y[n,o,p] = b[o] + sum(w[o,c,k] * x[n,c,p*stride + k*dilation - before])``, over c of o's group and k.

    Args:
        x: (N, C, *S). w: (O, C/groups, *K). b: (O,) or None.
        padding: an int, one for each spatial axis, a pair (before, after) for each, ``"same"`` or ``"valid"``.
        size: how many output positions to compute along each axis; as many as fit if not given.

    Returns:
        (N, O, *P), ``P = (S + before + after - dilation*(K - 1) - 1) // stride + 1``.

    Raises:
        RuntimeError: if shapes, dtypes or parameters do not fit each other.

    Example:
        >>> import xpgrad
        >>> x, w = xpgrad.ones(1, 1, 3, 3), xpgrad.ones(1, 1, 2, 2)
        >>> x.__array_namespace__().convolution(x, w, padding=((1, 0), (0, 0))).tolist()
        [[[[2.0, 2.0], [4.0, 4.0], [4.0, 4.0]]]]
    """
    geo = forward_geometry(tuple(x.shape), tuple(w.shape), stride, padding, dilation, groups, size)
    check_arrays(geo, x, w, b, w.shape[0])
    rows = settled(xp, rows_first(xp, x))
    weight = _weight_matrix(xp, w, geo)
    shape = (geo.outer[0], w.shape[0], *geo.outer[1:], x.shape[0])
    if _by_rows(xp, rows, geo):
        bias = None if b is None else xp.reshape(b, (b.shape[0], 1))
        parts = []
        for start, stop, cols in _row_columns(xp, rows, geo):
            part = _rows_times_band(xp, cols, weight[0, ...], bias, geo)
            parts.append(xp.reshape(part, (*shape[:2], stop - start, *shape[3:])))
        return batch_first(xp, parts[0] if len(parts) == 1 else xp.concat(parts, axis=2), x.ndim - 2)
    y = xp.matmul(weight, _all_columns(xp, padded(xp, rows, geo.pads), geo))
    return batch_first(xp, _with_bias(xp, xp.reshape(y, shape), b), x.ndim - 2)


def conv_input_grad(xp: Any, z: Any, w: Any, b: Any = None, *, size: tuple[int, ...] | None = None, stride: Any = 1,
                    padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:  # fmt: skip
    """The transposed convolution: ``x[n,c,p*stride + k*dilation - before] += w[o,c,k] * z[n,o,p]``, plus ``b[c]``.

    Args:
        z: (N, O, *P). w: (O, C/groups, *K). b: (C,) or None.
        size: the spatial shape of the result, since with a stride several inputs lead to the same output shape;
            the smallest if not given.

    Returns:
        (N, C, *size), ``size = (P - 1)*stride - before - after + dilation*(K - 1) + 1 + output_padding``.

    Raises:
        RuntimeError: if shapes, dtypes or parameters do not fit each other.

    Example:
        >>> import xpgrad
        >>> z, w = xpgrad.ones(1, 1, 2, 1), xpgrad.ones(1, 1, 2, 2)
        >>> z.__array_namespace__().conv_input_grad(z, w).tolist()
        [[[[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]]]]
    """
    geo = backward_geometry(tuple(z.shape), tuple(w.shape), stride, padding, dilation, groups, size)
    check_arrays(geo, z, w, b, w.shape[1] * groups)
    rows = settled(xp, rows_first(xp, z))
    # (G, O/G, C/G, K1, K2...) -> (G, K1, C/G, K2..., O/G): one product gives the rows of every k1
    weight = xp.reshape(w, (groups, w.shape[0] // groups, w.shape[1], *geo.kernel))
    weight = xp.permute_dims(weight, (0, 3, 2, *range(4, weight.ndim), 1))
    y = _with_bias(xp, _rows_of_taps(xp, rows, weight, geo), b)
    return batch_first(xp, y, z.ndim - 2)


def conv_weight_grad(xp: Any, z: Any, x: Any, *, kernel: tuple[int, ...], stride: Any = 1, padding: Any = 0,
                     dilation: Any = 1, groups: int = 1) -> Any:  # fmt: skip
    """``w[o,c,k] = sum(z[n,o,p] * x[n,c,p*stride + k*dilation - before])``, over n and p.

    Args:
        z: (N, O, *P). x: (N, C, *S). kernel: the spatial shape of the weight.

    Returns:
        (O, C/groups, *kernel).

    Example:
        >>> import xpgrad
        >>> z, x = xpgrad.ones(1, 1, 2), xpgrad.tensor([[[1.0, 2.0, 3.0]]])
        >>> z.__array_namespace__().conv_weight_grad(z, x, kernel=(2,)).tolist()
        [[[3.0, 5.0]]]
    """
    geo = weight_geometry(tuple(z.shape), tuple(x.shape), kernel, stride, padding, dilation, groups)
    check_arrays(geo, z, x)
    rows, grad = settled(xp, rows_first(xp, x)), settled(xp, rows_first(xp, z))
    outs = z.shape[1]
    if _by_rows(xp, rows, geo):
        total = None
        for start, stop, cols in _row_columns(xp, rows, geo):
            part = grad if stop - start == geo.outer[1] else cut(grad, 2, start, stop)
            flat = xp.reshape(part, (geo.outer[0] * outs, cols.shape[1]))
            found = _band_gradient(xp, flat, cols, geo)
            total = found if total is None else total + found
    else:
        grad = xp.reshape(grad, (geo.outer[0], groups, outs // groups, math.prod(geo.outer[1:]) * z.shape[0]))
        cols = _all_columns(xp, padded(xp, rows, geo.pads), geo)
        total = xp.sum(xp.matmul(grad, xp.matrix_transpose(cols)), axis=0)
    # (O, K1, K2, ..., C/G) -> (O, C/G, K1, K2, ...)
    total = xp.reshape(total, (outs, *geo.kernel, x.shape[1] // groups))
    total = xp.permute_dims(total, (0, total.ndim - 1, *range(1, total.ndim - 1)))
    return xp.reshape(total, (*total.shape[:2], *kernel))


def _by_rows(xp: Any, x: Any, geo: Geometry) -> bool:
    """Whether rows are left where they lie: the choice between formulations, all of it.

    A compiler prefers one product of copies that it fuses, and a device one large product, to many small ones; with
    dilation or groups, the rows that belong together are not contiguous.
    """
    return geo.groups == 1 and (geo.dilation[0] == 1 or geo.kernel[0] == 1) and _in_a_cache(xp, x)


def _in_a_cache(xp: Any, x: Any) -> bool:
    """Whether small blocks are worth their calls: `x` is computed on at once, by a processor with caches."""
    return xp.backend.compile is None and not waits(xp, x)


def _weight_matrix(xp: Any, w: Any, geo: Geometry) -> Any:
    """(O, C/G, *K) -> (G, O/G, K1·K2·...·C/G), in the order of `columns`."""
    split = xp.reshape(w, (geo.groups, w.shape[0] // geo.groups, w.shape[1], *geo.kernel))
    split = xp.permute_dims(split, (0, 1, *range(3, split.ndim), 2))
    return xp.reshape(split, (*split.shape[:2], math.prod(geo.kernel) * w.shape[1]))


def _offsets(geo: Geometry) -> list[range]:
    return [range(0, (k - 1) * d + 1, d) for k, d in zip(geo.kernel, geo.dilation, strict=True)]


def _all_columns(xp: Any, rows: Any, geo: Geometry) -> Any:
    """(P1, G, K1·K2·...·C/G, P2·...·N)."""
    return columns(xp, rows, _offsets(geo), geo.stride, geo.outer, geo.groups)


def _row_columns(xp: Any, rows: Any, geo: Geometry) -> Iterator[tuple[int, int, Any]]:
    """(H·K2·...·C, P2·...·N): K1 consecutive rows of it are the windows of one output row.

    In pieces of (start, stop) along P2 that stay in the cache, if each still makes wide products.
    """
    rows = padded(xp, rows, ((0, 0), *geo.pads[1:]))
    height, wide, s = rows.shape[0], geo.outer[1], geo.stride[1]
    depth, width = math.prod(geo.kernel[1:]) * rows.shape[1], math.prod(geo.outer[2:]) * rows.shape[-1]
    count = max(_BLOCK // max(height * depth * width, 1), -(-_WIDE // max(width, 1)))
    count = -(-wide // max(round(wide / count), 1))  # pieces of about one length
    offsets = _offsets(geo)[1:]
    for start in range(0, wide, count):
        stop = min(start + count, wide)
        part = rows if stop - start == wide else cut(rows, 2, start * s, (stop - 1) * s + offsets[0][-1] + 1)
        sizes = (height, stop - start, *geo.outer[2:])
        cols = columns(xp, part, [(0,), *offsets], (1, *geo.stride[1:]), sizes, 1)
        yield start, stop, xp.reshape(cols, (height * depth, (stop - start) * width))


# What a cache holds beside the output, in numbers; measured with LeNet at batch 256, where twice as many cost 1.2 times
# the time. A product narrower than `_WIDE` is slow: at a width of 64 half as fast.
_BLOCK, _WIDE = 2**18, 1024


@functools.lru_cache(maxsize=1024)
def _rows_per_product(count: int, outs: int, depth: int, width: int, s: int, k: int, lost: tuple[int, int]) -> int:
    """How many output rows to take in one product: the cheapest, in multiply-adds.

    A band of R rows multiplies by zeros too, ((R - 1)·s + K) / K times the work. But a product of few rows is slow,
    as if it had some `lost` more (less so under a million multiply-adds, which OpenBLAS does without packing), and a
    call costs as much as 200,000 multiply-adds.
    """

    def cost(r: int) -> float:
        work = ((r - 1) * s + k) * depth * width
        return -(-count // r) * (2e5 + (r * outs + lost[r * outs * work > 1e6]) * work)

    return min((r for r in (1, 2, 3, 4, 5, 7, 8, 14, (count + 1) // 2, count) if r <= count), key=cost)


def _within(start: int, stop: int, length: int) -> tuple[int, int]:
    """The part of start..stop that lies in 0..length."""
    start = min(max(start, 0), length)
    return start, max(min(stop, length), start)


def _rows_times_band(xp: Any, cols: Any, weight: Any, bias: Any, geo: Geometry) -> Any:
    """The forward by rows: (O, K1·D) and (H·D, M) to (P1·O, M), with a bias (O, 1) or None."""
    count, s, k, low, height = geo.outer[0], geo.stride[0], geo.kernel[0], geo.pads[0][0], geo.inner[0]
    outs, depth = weight.shape[0], weight.shape[1] // k
    r = _rows_per_product(count, outs, depth, cols.shape[1], s, k, (2, 20))
    band = weight
    if r > 1:
        # [w 0...0] of length (span + s)·D, repeated and cut into rows of span·D, moves right by s·D from row to row
        span = ((r - 1) * s + k) * depth
        repeated = xp.concat([extend(xp, weight, 1, 0, span + s * depth)] * r, axis=1)
        band = xp.reshape(repeated[:, : r * span], (outs, r, span))
        band = xp.reshape(xp.permute_dims(band, (1, 0, 2)), (r * outs, span))
        bias = bias if bias is None else xp.concat([bias] * r, axis=0)
    blocks = []
    for p in range(0, count, r):
        n, first = min(r, count - p), p * s - low
        start, stop = _within(first, first + (n - 1) * s + k, height)
        part = band[: n * outs, (start - first) * depth : (stop - first) * depth]
        block = xp.matmul(part, cols[start * depth : stop * depth, :])
        if bias is not None:
            block += bias if n == r else bias[: n * outs, :]
        blocks.append(block)
    return blocks[0] if len(blocks) == 1 else xp.concat(blocks, axis=0)


def _band_gradient(xp: Any, grad: Any, cols: Any, geo: Geometry) -> Any:
    """The weight's gradient by rows: (P1·O, M) and (H·D, M) to (O, K1·D), the diagonal of blocks' products."""
    count, s, k, low, height = geo.outer[0], geo.stride[0], geo.kernel[0], geo.pads[0][0], geo.inner[0]
    outs, depth = grad.shape[0] // count, cols.shape[0] // height
    r = _rows_per_product(count, outs, depth, cols.shape[1], s, k, (8, 48))
    sums: dict[tuple[int, int, int], Any] = {}  # products of n rows of g and the same rows of their windows
    for p in range(0, count, r):
        n, first = min(r, count - p), p * s - low
        start, stop = _within(first, first + (n - 1) * s + k, height)
        block = cols[start * depth : stop * depth, :]
        product = xp.matmul(grad[p * outs : (p + n) * outs, :], xp.matrix_transpose(block))
        kind = (n, start - first, stop - first)
        if kind in sums:
            sums[kind] += product
        else:
            sums[kind] = product
    total = None
    for (n, start, _), product in sums.items():
        span = (n - 1) * s + k
        product = extend(xp, product, 1, -start * depth, (span - start) * depth)
        if n > 1:  # the blocks on the diagonal, by the cut of `_rows_times_band` undone
            slabs = xp.permute_dims(xp.reshape(product, (n, outs, span * depth)), (1, 0, 2))
            line = extend(xp, xp.reshape(slabs, (outs, n * span * depth)), 1, 0, n * (span + s) * depth)
            slabs = xp.reshape(line, (outs, n, (span + s) * depth))
            product = xp.sum(slabs[:, :, : k * depth], axis=1, dtype=product.dtype)
        total = product if total is None else total + product
    return total


def _rows_of_taps(xp: Any, rows: Any, weight: Any, geo: Geometry) -> Any:
    """The transpose by rows: every row of z, (O, P2..., N), gives K1 rows of x, which are summed where they meet.

    In blocks of rows whose windows stay in the cache, where that counts.
    """
    count, s, d, k = geo.outer[0], geo.stride[0], geo.dilation[0], geo.kernel[0]
    per_row = math.prod(geo.kernel[1:]) * math.prod(rows.shape[1:])
    r = min(count, max(_BLOCK // max(per_row, 1), 1)) if _in_a_cache(xp, rows) else count
    r = 1 if r < min(2 * k, count) else r  # a single row needs no sums within the block
    phases = _phases(xp, rows, weight, geo)
    done: list[Any] = []
    meeting: list[Any] = []  # the last rows so far, to which the next block adds
    for p in range(0, count, r):
        n = min(r, count - p)
        parts = _tap_products(xp, phases, p, n, weight.shape[2], geo)
        if n == count:
            return fold(xp, parts, 0, s, d, geo.pads[0][0], geo.inner[0])
        size = max((n - 1) * s + (k - 1) * d + 1, n * s)
        if n == 1:
            block: list[Any] = [None] * size  # None for a row to which nothing is given
            for j, part in enumerate(parts):
                block[j * d] = part
        else:
            whole = fold(xp, parts, 0, s, d, 0, size)
            block = [whole[i : i + 1, ...] for i in range(size)]
        for i, row in enumerate(meeting):
            if row is not None and block[i] is not None:
                row += block[i]
            block[i] = block[i] if row is None else row
        done, meeting = done + block[: n * s], block[n * s :]
    low, stop = geo.pads[0][0], geo.pads[0][0] + geo.inner[0]
    empty = xp.zeros_like(parts[0][:1, ...])
    rows = xp.concat([empty if row is None else row for row in (done + meeting)[low:stop]], axis=0)
    return extend(xp, rows, 0, 0, geo.inner[0])


Taps = list[list[tuple[int, int]]]


def _phases(xp: Any, rows: Any, weight: Any, geo: Geometry) -> list[tuple[Any, Any, Any]]:
    """For each phase along the axes that windows are copied over: its taps' part of the weight as a matrix (None, if it
    has no taps), the rows of z with the margins that its windows reach, and where the windows lie."""
    wide, found = range(1, len(geo.kernel)), []
    lengths = _phase_lengths(geo)
    for firsts in itertools.product(*(range(geo.stride[i]) for i in wide)):
        taps = [phase(geo.kernel[i], geo.stride[i], geo.dilation[i], geo.pads[i][0], first)
                for i, first in zip(wide, firsts, strict=True)]  # fmt: skip
        reached, offsets = rows, []
        for dim, (tap, length) in enumerate(zip(taps, lengths, strict=True), start=1):
            shifts = [-shift for _, shift in tap] or [0]
            reached = extend(xp, reached, axis_of(dim), min(shifts), max(shifts) + length)
            offsets.append([shift - min(shifts) for shift in shifts])
        found.append((_taps_of(xp, weight, taps) if all(taps) else None, reached, offsets))
    return found


def _phase_lengths(geo: Geometry) -> list[int]:
    """How many positions a phase has along each axis that windows are copied over."""
    return [-(-n // s) for n, s in zip(geo.inner[1:], geo.stride[1:], strict=True)]


def _tap_products(xp: Any, phases: list[Any], p: int, count: int, channels: int, geo: Geometry) -> list[Any]:
    """For each k1, what the rows p to p + count of z give to x: (count, C, S2, ..., N)."""
    groups, k, lengths = geo.groups, geo.kernel[0], _phase_lengths(geo)
    batch, products = phases[0][1].shape[-1], []
    for weight, rows, offsets in phases:
        if weight is not None:
            part = rows if count == rows.shape[0] else rows[p : p + count, ...]
            steps = (1,) * len(geo.kernel)
            product = xp.matmul(weight, columns(xp, part, [(0,), *offsets], steps, (count, *lengths), groups))
        else:
            shape = (count, groups, k * channels, math.prod(lengths) * batch)
            product = xp.zeros(shape, dtype=rows.dtype, device=device_of(rows))
        products.append(xp.reshape(product, (count, groups * k * channels, *lengths, batch)))
    for i in reversed(range(1, len(geo.kernel))):
        s = geo.stride[i]
        products = [interleave(xp, products[j : j + s], axis_of(i), geo.inner[i]) for j in range(0, len(products), s)]
    whole = xp.reshape(products[0], (count, groups, k, channels, *geo.inner[1:], batch))
    flat = (count, groups * channels, *geo.inner[1:], batch)
    return [xp.reshape(whole[:, :, j, ...], flat) for j in range(k)]


def _taps_of(xp: Any, weight: Any, taps: Taps) -> Any:
    """(G, K1, C/G, K2, ..., O/G) -> (G, K1·C/G, T·O/G), the taps of one phase."""
    chosen = []
    for found in taps:
        first, last = found[0][0], found[-1][0]
        chosen.append(slice(first, last + 1, found[1][0] - first if len(found) > 1 else 1))
    part = weight[(slice(None), slice(None), slice(None), *chosen, slice(None))]
    groups, rows, channels, *_, outs = part.shape
    return xp.reshape(part, (groups, rows * channels, math.prod(part.shape[3:-1]) * outs))


def _with_bias(xp: Any, rows: Any, b: Any) -> Any:
    return rows if b is None else rows + xp.reshape(b, (b.shape[0],) + (1,) * (rows.ndim - 2))


def _bias_rule(xp: Any, g: Any) -> Any:
    return xp.sum(g, axis=(0, *range(2, g.ndim)))


op("convolution",
   lambda xp, g, w, x_shape, stride=1, padding=0, dilation=1, groups=1: xp.conv_input_grad(
       g, conj(xp, w), size=tuple(x_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   lambda xp, g, x, w_shape, stride=1, padding=0, dilation=1, groups=1: xp.conv_weight_grad(
       g, conj(xp, x), kernel=tuple(w_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   _bias_rule, forward=convolution, args="x w b", node="ConvolutionBackward0")  # fmt: skip

op("conv_input_grad",
   lambda xp, g, w, z_shape, stride=1, padding=0, dilation=1, groups=1: xp.convolution(
       g, conj(xp, w), size=tuple(z_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   lambda xp, g, z, w_shape, stride=1, padding=0, dilation=1, groups=1: xp.conv_weight_grad(
       conj(xp, z), g, kernel=tuple(w_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   _bias_rule, forward=conv_input_grad, args="z w b", node="ConvolutionBackward0")  # fmt: skip

op("conv_weight_grad",
   lambda xp, g, x, z_shape, stride=1, padding=0, dilation=1, groups=1: xp.convolution(
       conj(xp, x), g, size=tuple(z_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   lambda xp, g, z, x_shape, stride=1, padding=0, dilation=1, groups=1: xp.conv_input_grad(
       conj(xp, z), g, size=tuple(x_shape[2:]), stride=stride, padding=padding, dilation=dilation, groups=groups),
   forward=conv_weight_grad, args="z x", node="ConvolutionBackwardBackward0")  # fmt: skip
