"""JAX: CPU, GPU and TPU, with a compiler. 64-bit mode is turned on unless the user decided otherwise."""

from __future__ import annotations

import os
from typing import Any

from xpgrad.backend import Backend


def prepare() -> None:
    """Turn 64-bit mode on, since JAX would turn float64 into float32 silently; ``JAX_ENABLE_X64`` set by the user
    stays."""
    import jax

    if "JAX_ENABLE_X64" not in os.environ:
        jax.config.update("jax_enable_x64", True)


def devices(xp: Any) -> list[Any]:
    """Every device of the default platform, and the CPU."""
    import jax

    there = list(jax.devices())
    return there + [d for d in jax.devices("cpu") if d not in there]


def device_name(device: Any) -> str:
    """``cpu`` for the host, ``cuda:0`` for a GPU; a sharding names the devices that it spans."""
    spanned = getattr(device, "device_set", None)
    if spanned is not None:
        return device_name(next(iter(spanned))) if len(spanned) == 1 else "sharded"
    platform = "cuda" if device.platform == "gpu" else device.platform
    return "cpu" if (platform, device.id) == ("cpu", 0) else f"{platform}:{device.id}"


def index_put(array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A new array with `values` written, or added, at `key`."""
    at = array.at[key]
    return at.add(values) if accumulate else at.set(values)


def compile(function: Any, **options: Any) -> Any:
    """`jax.jit`."""
    import jax

    return jax.jit(function, **options)


def synchronize(array: Any) -> Any:
    """Wait until the array is computed."""
    return array.block_until_ready()


BACKEND = Backend(
    name="jax", namespace="jax.numpy", package="jax", extra="jax", devices=devices, device_name=device_name,
    prepare=prepare, index_put=index_put, compile=compile, synchronize=synchronize,
)  # fmt: skip
