"""Gradients kept from growing too large. Nothing here looks at a value, so no device is waited for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from ...creation import tensor
from ...modes import no_grad
from ...tensor import Tensor
from ...views import write


def _listed(parameters: Any) -> list[Any]:
    if isinstance(parameters, Tensor):
        return [parameters]
    found = list(parameters)
    if isinstance(parameters, Iterator) and not found:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)
    return found


def get_total_norm(tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:  # fmt: skip
    """The norm of all Tensors together, as if they were one vector.

    Args:
        tensors: a Tensor or several.
        norm_type: the norm's order.
        error_if_nonfinite: raise if it is infinite or NaN, for which the value must be looked at.
        foreach: without effect here.

    Raises:
        RuntimeError: if that was asked for, and it is.
    """
    found, order = _listed(tensors), float(norm_type)
    if not found:
        return tensor(0.0)
    xp = found[0].__array_namespace__()
    with no_grad():
        norms = [xp.linalg.vector_norm(t, ord=order) for t in found]
        total = xp.linalg.vector_norm(xp.stack([n.to(norms[0].dtype) for n in norms]), ord=order)
    if error_if_nonfinite and not bool(xp.isfinite(total)):
        raise RuntimeError(f"The total norm of order {order} for gradients from `parameters` is non-finite, so it "
                           "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           "anyway, set `error_if_nonfinite=False`")  # fmt: skip
    return total  # type: ignore[no-any-return]


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Multiply the gradients by ``max_norm / total_norm`` where that is below 1, in place."""
    with no_grad():
        factor = float(max_norm) / (total_norm + 1e-6)
        factor = factor.__array_namespace__().clip(factor, max=1.0)
        for g in _gradients(parameters):
            write(g, g * factor.to(g.dtype))


def _gradients(parameters: Any) -> Iterable[Any]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Tensor:  # fmt: skip
    """Scale all gradients together so that their norm is at most `max_norm`, in place. Pascanu et al. (2013).

    Returns:
        The norm before.

    Example:
        >>> import xpgrad
        >>> p = xpgrad.nn.Parameter(xpgrad.zeros(2))
        >>> p.grad = xpgrad.tensor([3.0, 4.0])
        >>> xpgrad.nn.utils.clip_grad_norm_([p], 1.0)
        tensor(5.)
        >>> p.grad
        tensor([0.6000, 0.8000])
    """
    found = _listed(parameters)
    total = get_total_norm(_gradients(found), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(found, max_norm, total, foreach)
    return total


def clip_grad_norm(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:  # fmt: skip
    """`clip_grad_norm_`, under its older name."""
    warnings.warn("torch.nn.utils.clip_grad_norm is now deprecated in favor of torch.nn.utils.clip_grad_norm_.",
                  FutureWarning, stacklevel=2)  # fmt: skip
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Keep every element of the gradients within ±`clip_value`, in place."""
    bound = float(clip_value)
    with no_grad():
        for g in _gradients(parameters):
            write(g, g.__array_namespace__().clip(g, -bound, bound))
