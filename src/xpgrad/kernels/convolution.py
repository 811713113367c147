"""Convolution: three maps, one form.

A convolution is trilinear in input x, weight w and a gradient z of its output:

    <z, convolution(x, w)>  =  <x, conv_input_grad(z, w)>  =  <w, conv_weight_grad(z, x)>

The three maps are the ops, and the gradient rules of each are the other two, so every order comes for free; the
transposed convolution is `conv_input_grad` itself. One code serves 1, 2 and 3 dimensions, stride, padding (a pair for
each axis), dilation and groups.

Each map is matrix products of the weight with windows. What stands here is the plain formulation: copy every window,
multiply once; it serves compilers, devices and small arrays. A processor with caches has less to do: `disjoint` where
windows do not overlap, `grouped` for groups and dilated rows, `banded` for the others.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import conj, op
from . import banded, disjoint, grouped, taps
from .geometry import Geometry, backward_geometry, check_arrays, forward_geometry, weight_geometry
from .host import waits
from .windows import batch_first, columns, cut, padded, rows_first, settled


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
    maps = _maps(xp, x, geo)
    if maps is not None:
        return maps.forward(xp, x, w, b, geo)
    y = xp.matmul(taps.weight_matrix(xp, w, geo), _all_columns(xp, x, geo))
    y = xp.reshape(y, (w.shape[0], *geo.outer, x.shape[0]))
    y = xp.permute_dims(y, (1, 0, *range(2, y.ndim)))
    return batch_first(xp, taps.with_bias(xp, y, b), x.ndim - 2)


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
    maps = _maps(xp, z, geo)
    if maps is not None:
        return maps.input_grad(xp, z, w, b, geo)
    x = taps.input_grad(xp, settled(xp, rows_first(xp, z)), taps.transposed_weight(xp, w, geo), geo)
    return batch_first(xp, taps.with_bias(xp, x, b), z.ndim - 2)


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
    maps = _maps(xp, x, geo)
    if maps is not None:
        return maps.weight_grad(xp, z, x, geo)
    grad = rows_first(xp, z)
    outs, positions = z.shape[1] // groups, math.prod(geo.outer) * z.shape[0]
    if positions <= _FEW:
        grad = xp.reshape(xp.permute_dims(grad, (1, 0, *range(2, grad.ndim))), (groups, outs, positions))
        total = xp.matmul(grad, xp.matrix_transpose(_all_columns(xp, x, geo)))
    else:
        grad = xp.reshape(grad, (geo.outer[0], groups, outs, positions // geo.outer[0]))
        rows = padded(xp, settled(xp, rows_first(xp, x)), geo.pads)
        cols = columns(xp, rows, taps.offsets(geo), geo.stride, geo.outer, groups)
        total = xp.sum(xp.matmul(grad, xp.matrix_transpose(cols)), axis=0, dtype=z.dtype)
    return taps.weight_of_matrix(xp, total, x.shape[1], geo, x.ndim - 2)


# Up to how many positions one product, which needs z in another order, is better than one for each row. It takes 0.87
# of the time of LeNet's compiled step at batch 1 (784 and 100 positions), and 1.19 at batch 64 (50,000 and 6,400).
_FEW = 2**12


# How many numbers all windows may hold to be copied in place of `banded`: half the calls, and 0.6 of the time of the
# layers of LeNet at batch 1 (15,000 and 20,000 numbers). From 60,000 to 120,000 the two are level.
_SMALL = 2**16


def _maps(xp: Any, x: Any, geo: Geometry) -> Any:
    """The file that makes the three maps with less work; None for the plain formulation. That is for a compiler, which
    prefers one product of copies that it fuses, for a device, one large product, and for what is small."""
    if xp.backend.compile is not None or waits(xp, x):
        return None
    for maps in (disjoint, grouped):
        if maps.serves(geo):
            return maps
    small = math.prod(geo.kernel) * math.prod(geo.outer) * x.shape[0] * x.shape[1] <= _SMALL
    return None if small else banded


def _all_columns(xp: Any, x: Any, geo: Geometry) -> Any:
    """(N, C, *S) -> (G, K1·K2·...·C/G, P1·P2·...·N): every window is a column."""
    rows = padded(xp, rows_first(xp, x), geo.pads)
    per_group = x.shape[1] // geo.groups
    cols = xp.reshape(rows, (rows.shape[0], geo.groups, 1, per_group, *rows.shape[2:]))
    cols = xp.permute_dims(cols, (1, 2, 3, 0, *range(4, cols.ndim)))
    for i, offsets in reversed(list(enumerate(taps.offsets(geo)))):  # axis by axis: the fewest slices
        reach = (geo.outer[i] - 1) * geo.stride[i] + 1
        cols = xp.concat([cut(cols, i + 3, o, o + reach, geo.stride[i]) for o in offsets], axis=1)
    shape = (geo.groups, math.prod(geo.kernel) * per_group, math.prod(geo.outer) * rows.shape[-1])
    return xp.reshape(cols, shape)


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
