"""How the functions of this package call ops."""

from __future__ import annotations

from typing import Any

from ... import kernels  # noqa: F401  (registers their ops)
from ...op import OPS
from ...tensor import Tensor, apply
from ...views import in_place


def call(name: str, *arrays: Any, **params: Any) -> Tensor:
    """Op `name` on Tensors."""
    return apply(OPS[name], arrays, params)  # type: ignore[no-any-return]


def maybe_in_place(inplace: bool, input: Tensor, name: str, **params: Any) -> Tensor:
    """Op `name` of `input`, written back into it where `inplace` says so."""
    if inplace:
        return in_place(input, name, lambda t: call(name, t, **params))
    return call(name, input, **params)
