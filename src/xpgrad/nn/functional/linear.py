"""The affine map."""

from __future__ import annotations

import math
from typing import Any

from ...kernels.linear import same_dtype
from ...tensor import Tensor
from ._call import call


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weightᵀ + bias.

    Args:
        input: (..., in_features).
        weight: (out_features, in_features), or (in_features,) for a plain product.
        bias: (out_features,).

    Returns:
        (..., out_features).

    Raises:
        RuntimeError: if the shapes do not fit, or the dtypes differ.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.linear(xpgrad.ones(1, 3), xpgrad.ones(2, 3), xpgrad.tensor([0.0, 1.0]))
        tensor([[3., 4.]])
    """
    if weight.ndim == 2 and bias is not None and input.ndim >= 2:
        if input.ndim == 2:
            return call("addmm", bias, input, call("t", weight))
        rows = call("reshape", input, shape=(math.prod(input.shape[:-1]), input.shape[-1]))
        product = call("addmm", bias, rows, call("t", weight))
        return call("reshape", product, shape=(*input.shape[:-1], weight.shape[0]))
    if input.ndim == 0:
        raise RuntimeError("linear: both arguments to matmul need to be at least 1D, but they are 0D and 2D")
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(f"linear: mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, input.shape))} and "
                           f"{'x'.join(map(str, weight.shape[::-1]))})")  # fmt: skip
    same_dtype("linear", input=input, weight=weight, bias=bias)
    product = call("matmul", input, call("t", weight))
    return product if bias is None else call("add", product, bias)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """``y[..., k] = sum of input1[..., i] weight[k, i, j] input2[..., j]``, plus bias[k].

    Args:
        input1: (*, in1). input2: (*, in2). weight: (out, in1, in2). bias: (out,).

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError("bilinear(): input batch dimensions do not match: got "
                           f"{list(input1.shape)} and {list(input2.shape)}")  # fmt: skip
    if tuple(weight.shape[1:]) != (input1.shape[-1], input2.shape[-1]):
        raise RuntimeError(f"bilinear(): input1 and input2 sizes do not match weight size: got {input1.shape[-1]} and "
                           f"{input2.shape[-1]} but expected {weight.shape[1]} and {weight.shape[2]}")  # fmt: skip
    xp, batch, (out, in1, in2) = input1.__array_namespace__(), input1.shape[:-1], weight.shape
    count = math.prod(batch)
    columns = xp.reshape(xp.permute_dims(weight, (1, 0, 2)), (in1, out * in2))
    left = xp.reshape(xp.matmul(xp.reshape(input1, (count, in1)), columns), (count, out, in2))
    y = xp.reshape(xp.sum(left * xp.reshape(input2, (count, 1, in2)), axis=2), (*batch, out))
    return y if bias is None else y + bias  # type: ignore[no-any-return]
