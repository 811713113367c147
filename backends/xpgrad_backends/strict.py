"""array-api-strict: the standard and nothing beyond it, for finding code that asks for more.

It has three devices in name; ``no_x64`` lacks 64-bit dtypes. No scatter is registered, so that gradients of indexing
go through xpgrad's own, written in standard functions.
"""

from __future__ import annotations

from typing import Any

from xpgrad.backend import Backend


def device_name(device: Any) -> str:
    """``cpu`` for the default device; the others under their own names."""
    name = str(device).partition("'")[2].rstrip("')") or str(device)
    return "cpu" if name == "CPU_DEVICE" else name


def to_numpy(array: Any) -> Any:
    """On the host, as a NumPy array."""
    import array_api_strict as xp
    import numpy as np

    return np.asarray(
        xp.from_dlpack(array, device=xp.Device("CPU_DEVICE")) if "CPU" not in str(array.device) else array
    )


BACKEND = Backend(
    name="strict", namespace="array_api_strict", package="array_api_strict", extra="strict", device_name=device_name,
    to_numpy=to_numpy,
)  # fmt: skip
