"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...tensor import Tensor


def parameters_to_vector(parameters: Iterable[Any]) -> Tensor:
    """The parameters flattened and joined, in their order."""
    flat = [p.reshape(-1) for p in parameters]
    return flat[0].__array_namespace__().concat(flat)  # type: ignore[no-any-return]


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Let the parameters be the pieces of `vec`, in their order.

    Raises:
        TypeError: if `vec` is no Tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for p in parameters:
        stop = start + int(p.size)
        p.data = vec[start:stop].reshape(p.shape).detach()
        start = stop
