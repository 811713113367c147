"""NumPy: the default backend, on the CPU."""

from __future__ import annotations

from typing import Any

from xpgrad.backend import Backend


def index_put(array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A copy of `array` with `values` written, or added, at `key`."""
    import numpy as np

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
    import numpy as np

    np.empty(2**25 - 2**13, dtype="uint8")


BACKEND = Backend(name="numpy", namespace="array_api_compat.numpy", package="numpy", prepare=keep_freed_memory,
                  index_put=index_put)  # fmt: skip
