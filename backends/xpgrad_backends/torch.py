"""PyTorch's arrays, on the CPU or on CUDA; PyTorch's own autograd is not used."""

from __future__ import annotations

from typing import Any

from xpgrad.backend import Backend


def devices(xp: Any) -> list[Any]:
    """The CPU, and the CUDA devices that are there."""
    import torch

    return [torch.device("cpu"), *(torch.device("cuda", i) for i in range(torch.cuda.device_count()))]


def index_put(array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A copy of `array` with `values` written, or added, at `key`."""
    import torch

    key = key if isinstance(key, tuple) else (key,)
    values = torch.as_tensor(values, dtype=array.dtype, device=array.device)
    if accumulate:
        # positions of the elements that the key names, since slices and arrays may be mixed in it
        at = torch.arange(array.numel(), device=array.device).reshape(array.shape)[key]
        flat = array.reshape(-1).index_add(0, at.reshape(-1), values.expand(at.shape).reshape(-1))
        return flat.reshape(array.shape)
    out = array.clone()
    out[key] = values
    return out


def synchronize(array: Any) -> Any:
    """Wait for the array's device."""
    import torch

    if array.is_cuda:
        torch.cuda.synchronize(array.device)
    return array


def to_numpy(array: Any) -> Any:
    """On the host, as a NumPy array; bfloat16, which NumPy lacks, as float32."""
    import torch

    host = array.detach().cpu().resolve_conj().resolve_neg()
    return (host.float() if host.dtype == torch.bfloat16 else host).numpy()


BACKEND = Backend(
    name="torch", namespace="array_api_compat.torch", package="torch", extra="torch", devices=devices,
    index_put=index_put, synchronize=synchronize, to_numpy=to_numpy,
)  # fmt: skip
