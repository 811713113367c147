"""NumPy: the default backend, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xpgrad.backend import Backend


def index_put(array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A copy of `array` with `values` written, or added, at `key`."""
    out = np.array(array)
    if accumulate:
        np.add.at(out, key, values)
    else:
        out[key] = values
    return out


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB of freed memory, where it is glibc's.

    glibc gives freed memory back as soon as there is twice as much as the largest block that was ever freed (32 MB
    at most), so the temporaries of a step are mapped anew in each, page by page; that took a quarter of the time of
    a LeNet step at batch 256. Freeing one block of 32 MB, of which no page was touched, sets the measure.
    """
    np.empty(2**25 - 2**13, dtype="uint8")


def _reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Any:
    return x.reshape(shape) if copy is None else x.reshape(shape, copy=copy)


def _sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None and not keepdims and x.size and x.dtype.char in "fd":
        return np.add.reduce(x, axis=None) / x.size
    return np.mean(x, axis=axis, keepdims=keepdims)


# What numpy's functions do in the end, without the Python around it: a small step is mostly calls, and three quarters
# of one of numpy.reshape are Python. LeNet's step at batch 1 makes 150 of these.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "arange": np.arange,
    "full": np.full,
    "matrix_transpose": lambda x, /: x.mT,
    "max": lambda x, /, *, axis=None, keepdims=False: np.maximum.reduce(x, axis=axis, keepdims=keepdims),
    "mean": _mean,
    "min": lambda x, /, *, axis=None, keepdims=False: np.minimum.reduce(x, axis=axis, keepdims=keepdims),
    "permute_dims": lambda x, /, axes: x.transpose(axes),
    "reshape": _reshape,
    "sum": _sum,
    "zeros": np.zeros,
}

BACKEND = Backend(name="numpy", namespace="array_api_compat.numpy", package="numpy", prepare=keep_freed_memory,
                  functions=FUNCTIONS, index_put=index_put)  # fmt: skip
