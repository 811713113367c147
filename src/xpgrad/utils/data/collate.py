"""Collating: a list of samples made one batch, whatever a sample is built of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import arrays, dtypes
from ...creation import as_tensor, from_numpy, tensor
from ...op import OPS, library_of
from ...tensor import Tensor, apply, to_host


def _from_array(array: Any) -> Tensor:
    """A Tensor around a library's array; one of NumPy's goes to the chosen backend."""
    on_host = to_host(library_of(array), array) is array
    return from_numpy(array) if on_host else as_tensor(array)


def _rebuilt(like: Any, values: list[Any]) -> Any:
    """A sequence of `values`, of the type of `like` where that is possible."""
    if hasattr(like, "_fields"):
        return type(like)(*values)
    if isinstance(like, tuple):
        return values
    try:
        return type(like)(values)
    except TypeError:
        return values


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples: Tensors and arrays along a new first axis, numbers as a Tensor, containers element by element.

    Raises:
        RuntimeError: for sequences of unequal length. TypeError: for anything else than the above.

    Example:
        >>> from xpgrad.utils.data import default_collate
        >>> default_collate([(0, "a"), (2, "b")])
        [tensor([0, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return apply(OPS["stack"], (list(batch),), {"axis": 0})
    if isinstance(first, bool | int):
        return tensor(list(batch))
    if isinstance(first, float):
        return tensor([float(b) for b in batch], dtype=dtypes.float64)
    if isinstance(first, str | bytes):
        return batch
    if arrays.is_array(first):
        return default_collate([_from_array(b) for b in batch])
    if isinstance(first, Mapping):
        collated = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return collated if type(first) is dict else type(first)(collated)  # type: ignore[call-arg]
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _rebuilt(first, [default_collate(part) for part in zip(*batch, strict=True)])
    raise TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
                    f"found {type(first)}")  # fmt: skip


def default_convert(data: Any) -> Any:
    """Arrays made Tensors, in containers too; everything else as it is."""
    if isinstance(data, Tensor | str | bytes | bool | int | float):
        return data
    if arrays.is_array(data):
        return _from_array(data)
    if isinstance(data, Mapping):
        converted = {key: default_convert(value) for key, value in data.items()}
        return converted if type(data) is dict else type(data)(converted)  # type: ignore[call-arg]
    if isinstance(data, Sequence):
        return _rebuilt(data, [default_convert(value) for value in data])
    return data
