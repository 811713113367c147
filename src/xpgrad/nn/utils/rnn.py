"""Sequences of unequal lengths: padded to one Tensor, or packed, which is what recurrent layers run on.

Packed, the first elements of all sequences lie first, the longest sequence at the front, then the second elements of
those that have one, and so on; no step of a recurrent layer computes anything for padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ... import dtypes
from ...op import OPS
from ...tensor import Tensor, apply


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Packed sequences. Attributes:

    data: (total length, ...).
    batch_sizes: how many sequences have an element at each step, int64.
    sorted_indices: which sequence lies at which place; None where they came longest first.
    unsorted_indices: the inverse.
    """

    __slots__ = ()

    def __new__(cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:  # fmt: skip
        if batch_sizes is None:
            raise ValueError("PackedSequence needs batch_sizes; pack_padded_sequence and pack_sequence make one")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data elsewhere or in another dtype, as `Tensor.to`."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    def cpu(self) -> PackedSequence:
        """The data on the host's processor."""
        return self.to("cpu")

    def cuda(self, device: Any = "cuda") -> PackedSequence:
        """The data on a CUDA device."""
        return self.to(device)

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self.to(dtype=dtypes.float64)

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self.to(dtype=dtypes.float32)

    @property
    def is_cuda(self) -> bool:
        """Whether the data lies on a CUDA device."""
        return str(self.data.device).startswith("cuda")


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Where each place of a permutation went; None for None."""
    return None if permutation is None else apply(OPS["argsort"], (permutation,))


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:  # fmt: skip
    """Pack sequences that are padded to one length.

    Args:
        input: (T, N, ...), or (N, T, ...) with `batch_first`.
        lengths: of the N sequences; a Tensor or list of integers on the host.
        enforce_sorted: raise unless the longest come first; else they are sorted here, and sorted back by
            `pad_packed_sequence`.

    Raises:
        RuntimeError: for lengths that are not sorted, not positive, too long or not as many as sequences.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn.utils.rnn import pack_padded_sequence
        >>> packed = pack_padded_sequence(xpgrad.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)
        >>> packed.data, packed.batch_sizes
        (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    order = None
    if not enforce_sorted:
        places = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        sizes = [sizes[i] for i in places]
        order = _integers(places, input)
        input = apply(OPS["take"], (input, order), {"axis": 0 if batch_first else 1})
    if batch_first:
        input = _swapped(input)
    if len(sizes) != input.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
                           f"(batch_size={input.shape[1]})")  # fmt: skip
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                           "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")  # fmt: skip
    if sizes[-1] <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
                           "<= 0")  # fmt: skip
    if sizes[0] > input.shape[0]:
        raise RuntimeError(f"Expected lengths of at most {input.shape[0]}, the padded length, but got {sizes[0]}")
    steps = [sum(n > t for n in sizes) for t in range(sizes[0])]
    data = apply(OPS["concat"], ([input[t, :count] for t, count in enumerate(steps)],), {"axis": 0})
    return PackedSequence(data, _integers(steps, input), order)


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The inverse of `pack_padded_sequence`.

    Args:
        sequence: packed.
        batch_first: (N, T, ...) in place of (T, N, ...).
        padding_value: fills what is shorter than T.
        total_length: T, if it is to be more than the longest sequence's length.

    Returns:
        The padded sequences and their lengths.

    Raises:
        ValueError: if `total_length` is less than the longest sequence's length.
    """
    data, steps = sequence.data, [int(n) for n in sequence.batch_sizes.tolist()]
    if total_length is not None and total_length < len(steps):
        raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                         f"total_length={total_length} and max sequence length being {len(steps)}")  # fmt: skip
    count, length, begin, padded = steps[0], total_length or len(steps), 0, []
    filler = data.new_full((count, *data.shape[1:]), padding_value)
    for step in steps:
        rows = data[begin : begin + step]
        padded.append(rows if step == count else apply(OPS["concat"], ([rows, filler[step:]],), {"axis": 0}))
        begin += step
    padded += [filler] * (length - len(steps))
    out = apply(OPS["stack"], (padded,), {"axis": 1 if batch_first else 0})
    lengths = [sum(n > i for n in steps) for i in range(count)]
    if sequence.unsorted_indices is not None:
        out = apply(OPS["take"], (out, sequence.unsorted_indices), {"axis": 0 if batch_first else 1})
        lengths = [lengths[int(i)] for i in sequence.unsorted_indices.tolist()]
    return out, _integers(lengths, data)


def pad_sequence(sequences: Any, batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:  # fmt: skip
    """Stack sequences of lengths up to T: (T, N, ...), or (N, T, ...) with `batch_first`.

    Args:
        sequences: Tensors (length, ...).
        padding_side: where the padding goes, ``right`` or ``left``.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn.utils.rnn import pad_sequence
        >>> pad_sequence([xpgrad.tensor([1, 2]), xpgrad.tensor([3])], batch_first=True)
        tensor([[1, 2],
                [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError("pad_sequence: Expected iterable for input sequences, but got arg of type: "
                           f"{type(sequences)}")  # fmt: skip
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side should be either 'left' or 'right', but got {padding_side}")
    parts = list(sequences)
    if not parts:
        raise RuntimeError("received an empty list of sequences")
    length, padded = max(len(s) for s in parts), []
    for s in parts:
        pieces = [s]
        if len(s) < length:
            filler = s.new_full((length - len(s), *s.shape[1:]), padding_value)
            pieces = [s, filler] if padding_side == "right" else [filler, s]
        padded.append(apply(OPS["concat"], (pieces,), {"axis": 0}))
    return apply(OPS["stack"], (padded,), {"axis": 0 if batch_first else 1})  # type: ignore[no-any-return]


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The inverse of `pad_sequence`: the first `lengths` elements of each sequence."""
    if not batch_first:
        padded_sequences = _swapped(padded_sequences)
    return [s[: int(n)] for s, n in zip(padded_sequences, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack Tensors of unequal lengths; see `pack_padded_sequence`."""
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def _swapped(x: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return apply(OPS["permute_dims"], (x,), {"axes": (1, 0, *range(2, x.ndim))})  # type: ignore[no-any-return]


def _integers(values: list[int], like: Tensor) -> Any:
    """int64, in the library of `like`."""
    return like.new_tensor(values, dtype=dtypes.int64)
