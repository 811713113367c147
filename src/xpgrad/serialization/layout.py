"""What PyTorch's files call things: the storages of each dtype, and how arrays lie in them."""

from __future__ import annotations

import math

from .. import dtypes

STORAGES = {
    "FloatStorage": dtypes.float32, "DoubleStorage": dtypes.float64, "HalfStorage": dtypes.float16,
    "BFloat16Storage": dtypes.bfloat16, "LongStorage": dtypes.int64, "IntStorage": dtypes.int32,
    "ShortStorage": dtypes.int16, "CharStorage": dtypes.int8, "ByteStorage": dtypes.uint8, "BoolStorage": dtypes.bool_,
    "ComplexFloatStorage": dtypes.complex64, "ComplexDoubleStorage": dtypes.complex128,
}  # fmt: skip
NAME_OF = {kind: name for name, kind in STORAGES.items()}
UNTYPED = ("torch.storage", "UntypedStorage")


def dense(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array in rows."""
    return tuple(math.prod(size[i + 1 :]) for i in range(len(size)))
