"""Embeddings: rows of a table by number, alone or in bags, and one-hot vectors."""

from __future__ import annotations

import warnings
from typing import Any

from ...kernels.embeddings import check_range
from ...modes import no_grad
from ...tensor import Tensor, current
from ...views import write
from ._call import call


def _renormed(weight: Any, input: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows that `input` names down to `max_norm`, in place."""
    with no_grad():
        xp = weight.__array_namespace__()
        rows = xp.reshape(xp.arange(weight.shape[0], device=input.device), (-1, 1))
        used = xp.any(rows == xp.reshape(input, (1, -1)), axis=1, keepdims=True)
        norm = xp.linalg.vector_norm(weight, axis=1, keepdims=True, ord=norm_type)
        write(weight, xp.where(used & (norm > max_norm), weight * (max_norm / (norm + 1e-7)), weight))


def _row(padding_idx: int | None, count: int) -> int:
    """The row that gets no gradient, counted from the front; -1 for none."""
    if padding_idx is None:
        return -1
    if not -count <= padding_idx < count:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % count


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:  # fmt: skip
    """``weight[input]``: rows of a table.

    Args:
        input: integers of any shape.
        weight: (number of rows, length of a row).
        padding_idx: a row that gets no gradient.
        max_norm, norm_type: rows with a larger norm are scaled down in the table itself.
        scale_grad_by_freq: divide each row's gradient by how often it occurs.
        sparse: taken for PyTorch's sake; gradients are dense.

    Raises:
        IndexError: for a number out of range. RuntimeError: for numbers that are no integers.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.embedding(xpgrad.tensor([1, 0]), xpgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[3., 4.],
                [1., 2.]])
    """
    _check_indices("embedding", input)
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    row = _row(padding_idx, weight.shape[0])
    if max_norm is not None:
        _renormed(weight, input, max_norm, norm_type)
    return call("embedding", weight, input, padding_idx=row, scale_grad_by_freq=scale_grad_by_freq)


def _check_indices(name: str, input: Tensor) -> None:
    if input.dtype.kind not in ("signed integer", "unsigned integer"):
        raise RuntimeError(f"{name}: Expected tensor for argument #1 'indices' to have one of the following scalar "
                           f"types: Long, Int; but got {input.dtype} instead; convert it with .long()")  # fmt: skip


def embedding_bag(input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
                  scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Any = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:  # fmt: skip
    """The sum, mean or maximum of the rows of each bag.

    Args:
        input: (bags, length of each), or all bags in one line, with `offsets`.
        offsets: (bags,), where each bag begins; with `include_last_offset` also where the last one ends.
        mode: ``sum``, ``mean`` or ``max``; an empty bag gives zeros.
        per_sample_weights: what each row is multiplied with, in mode ``sum``.
        padding_idx: a row that does not count.

    Returns:
        (bags, length of a row).

    Raises:
        ValueError, NotImplementedError: if arguments do not fit each other.
    """
    if weight.dtype.kind in ("signed integer", "unsigned integer") and input.dtype.is_floating_point:
        warnings.warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, "
                      "...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`.", stacklevel=2)
        weight, input = input, weight
    _check_indices("embedding_bag", input)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
                         f"have the same shape as the input ({input.shape})")  # fmt: skip
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                                  f"supported for mode='sum' (got mode='{mode}').")  # fmt: skip
    if max_norm is not None:
        _renormed(weight, input, max_norm, norm_type)
    row = _row(padding_idx, weight.shape[0])
    rows = embedding(flattened(input), weight, padding_idx if row < 0 else row, scale_grad_by_freq=scale_grad_by_freq)
    bags, count = _bags(input, offsets, include_last_offset)
    return _pooled(rows, flattened(input), bags, count, row, mode,
                   None if per_sample_weights is None else flattened(per_sample_weights))  # fmt: skip


def flattened(x: Any) -> Any:
    """x in one line."""
    return call("reshape", x, shape=(-1,))


def _bags(input: Any, offsets: Any, include_last: bool) -> tuple[Any, int]:
    """The number of the bag of each entry, and how many bags there are."""
    xp = input.__array_namespace__()
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                             f"fixed length sequences. However, found offsets of type {type(offsets)}")  # fmt: skip
        count, length = input.shape
        return xp.repeat(xp.arange(count, device=input.device), length), count
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None or offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor if input is 1D")
    starts = offsets[:-1] if include_last else offsets
    places = xp.arange(input.shape[0], dtype=starts.dtype, device=input.device)
    return xp.searchsorted(starts, places, side="right") - 1, starts.shape[0]


def _pooled(rows: Any, input: Any, bags: Any, count: int, padding: int, mode: str, weights: Any) -> Tensor:
    xp = rows.__array_namespace__()
    kept = xp.reshape(input != padding, (-1, 1))
    if mode == "max":
        numbers = xp.arange(count, dtype=bags.dtype, device=bags.device)
        member = xp.reshape(numbers, (-1, 1)) == xp.reshape(bags, (1, -1))
        member = xp.expand_dims(member, axis=2) & kept
        with no_grad():
            best = xp.argmax(xp.where(member, rows, -float("inf")), axis=1)
        return xp.where(xp.any(member, axis=1), xp.take_along_axis(rows, best, axis=0), 0.0)  # type: ignore[no-any-return]
    rows = xp.where(kept, rows, 0.0)
    rows = rows if weights is None else rows * xp.reshape(weights, (-1, 1))
    total = call("take_adjoint", rows, bags, shape=(count, rows.shape[1]), axis=0)
    if mode == "sum":
        return total
    sizes: Any = call("take_adjoint", xp.astype(kept, rows.dtype), bags, shape=(count, 1), axis=0)
    return total / xp.where(sizes == 0, 1.0, sizes)  # type: ignore[no-any-return]


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Vectors of zeros with a one: integers of any shape to (*shape, num_classes), int64.

    Args:
        num_classes: one more than the largest number if not given, for which the values must be looked at.

    Raises:
        RuntimeError: for a number out of range, where looking does not make a device wait.
    """
    xp = tensor.__array_namespace__()
    if num_classes < 0:
        if not tensor.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(xp.max(tensor)) + 1
    try:
        check_range(tensor.library, "one_hot", current(tensor), num_classes)
    except IndexError as error:
        raise RuntimeError(f"Class values must be non-negative and smaller than num_classes {num_classes}.") from error
    classes = xp.arange(num_classes, dtype=tensor.dtype, device=tensor.device)
    return xp.astype(xp.expand_dims(tensor, axis=-1) == classes, xp.int64)  # type: ignore[no-any-return]
