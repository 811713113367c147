"""CuPy: NumPy's interface on NVIDIA and AMD GPUs."""

from __future__ import annotations

from typing import Any

from xpgrad.backend import Backend


def devices(xp: Any) -> list[Any]:
    """Every GPU, the current one first."""
    import cupy

    current = cupy.cuda.Device()
    others = (cupy.cuda.Device(i) for i in range(cupy.cuda.runtime.getDeviceCount()))
    return [current, *(d for d in others if d != current)]


def device_name(device: Any) -> str:
    """``cuda:0`` and on."""
    return f"cuda:{device.id}"


def index_put(array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A copy of `array` with `values` written, or added, at `key`."""
    import cupy

    out = array.copy()
    if accumulate:
        cupy.add.at(out, key, values)
    else:
        out[key] = values
    return out


def to_numpy(array: Any) -> Any:
    """On the host, as a NumPy array."""
    return array.get()


def synchronize(array: Any) -> Any:
    """Wait for the array's device."""
    array.device.synchronize()
    return array


BACKEND = Backend(
    name="cupy", namespace="array_api_compat.cupy", package="cupy", extra="cupy", devices=devices,
    device_name=device_name, index_put=index_put, to_numpy=to_numpy, synchronize=synchronize,
)  # fmt: skip
