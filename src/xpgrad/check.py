"""Checks of gradients against central differences, for functions of arrays of any library.

`check_grads` compares along random directions, which costs two calls for each argument and order, and is what tests of
many functions want. `gradcheck` and `gradgradcheck` are PyTorch's: every element of every Jacobian, in `jacobians`.
Complex numbers count as pairs of reals, with Re(conj(a) b) for an inner product, which is what PyTorch's convention of
complex gradients means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import trees
from .creation import randn_like
from .graph import differentiable
from .modes import no_grad
from .random import Generator
from .tensor import Tensor, current, make
from .transform import Recorded, wrap

# dtype -> (step, rtol, atol): a step near the cube root of the rounding, errors near its square
_DEFAULTS = {
    "float64": (1e-5, 1e-6, 1e-7),
    "float32": (1e-2, 2e-2, 2e-3),
    "float16": (5e-2, 1e-1, 5e-2),
    "bfloat16": (1e-1, 2e-1, 1e-1),
}


def check_grads(
    f: Callable[..., Any],
    args: Any,
    order: int = 2,
    *,
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    directions: int = 2,
    seed: int = 0,
) -> None:
    """Raise unless the gradients of `f` agree with central differences, up to `order`.

    For each argument x, a random direction u and a random cotangent v: ``<v, (f(x + eps u) - f(x - eps u)) / (2 eps)>``
    against ``<vjp(v), u>``. Order 2 is the same of the function that returns the vjp, and so on.

    Args:
        f: any function of Tensors that returns a Tensor or nested tuples, lists and dicts of them.
        args: one argument, or a tuple of them: arrays of any library, Tensors, or nestings of these. What is neither
            floating-point nor complex is handed on as it is.
        order: how many times to differentiate.
        eps, rtol, atol: the step and the tolerances; by default what the lowest precision among the arguments allows.
        directions: how many random directions for each argument and order.
        seed: of the directions.

    Raises:
        AssertionError: if a gradient is wrong; says which argument, which order, what was found and by how much.
        ValueError: if there is nothing to differentiate, or `order` is less than 1.

    Example:
        >>> import numpy as np, xpgrad
        >>> from xpgrad.check import check_grads
        >>> check_grads(lambda x: x.sin() * x, np.asarray([0.5, 1.0]), order=3)
        >>> check_grads(lambda x: x * x.detach(), np.asarray([0.5, 1.0]))
        Traceback (most recent call last):
        ...
        AssertionError: check_grads: the gradient of order 1 ... argument 0 ...
    """
    if order < 1:
        raise ValueError(f"check_grads: order must be at least 1, got {order}")
    given = tuple(wrap(a) for a in (args if isinstance(args, tuple) else (args,)))
    leaves, structure = trees.flatten(given)
    names = [f"argument {path}".replace("[", "", 1).replace("]", "", 1) for path in trees.paths(given)]
    chosen = [i for i, t in enumerate(leaves) if isinstance(t, Tensor) and differentiable(current(t).dtype)]
    if not chosen:
        raise ValueError("check_grads: no argument is a floating-point or complex array")
    points = [make(current(leaves[i])) for i in chosen]
    names = [names[i] for i in chosen]

    def function(*moved: Tensor) -> tuple[Tensor, ...]:
        filled = list(leaves)
        for i, t in zip(chosen, moved, strict=True):
            filled[i] = t
        out = trees.flatten(f(*structure.unflatten(filled)))[0]
        for t in out:
            if not isinstance(t, Tensor):
                raise TypeError(f"check_grads: the function must return Tensors, got {type(t).__name__}")
        found = tuple(t for t in out if differentiable(current(t).dtype))
        if not found:
            raise ValueError("check_grads: no output of the function is floating-point or complex")
        return found

    step, relative, absolute = max(_DEFAULTS.get(_real_name(t), _DEFAULTS["float64"]) for t in points)
    Projection(
        eps or step,
        relative if rtol is None else rtol,
        absolute if atol is None else atol,
        directions,
        Generator().manual_seed(seed),
    ).check(function, points, names, order)


class Projection:
    """The comparison along random directions; each order adds the cotangents of the one before to the function."""

    def __init__(self, eps: float, rtol: float, atol: float, directions: int, generator: Generator) -> None:
        self.eps, self.rtol, self.atol, self.directions, self.generator = eps, rtol, atol, directions, generator

    def check(
        self, function: Callable[..., tuple[Tensor, ...]], points: list[Tensor], names: list[str], order: int
    ) -> None:
        for now in range(1, order + 1):
            with no_grad():
                values = function(*points)
            cotangents = [normal(t, self.generator) for t in values]
            gradients = pullback(function, cotangents, len(points))
            with no_grad():
                found = gradients(*points)
            for i, name in enumerate(names):
                for _ in range(self.directions):
                    self._compare(function, found[i], points, cotangents, i, f"of order {now} with respect to {name}")
            function = gradients

    def _compare(
        self,
        function: Callable[..., tuple[Tensor, ...]],
        gradient: Tensor,
        points: list[Tensor],
        cotangents: list[Tensor],
        i: int,
        what: str,
    ) -> None:
        x, direction = points[i], normal(points[i], self.generator)
        above: Any
        below: Any
        with no_grad():
            found = inner(gradient, direction)
            above = function(*points[:i], _moved(x, direction, self.eps), *points[i + 1 :])
            below = function(*points[:i], _moved(x, direction, -self.eps), *points[i + 1 :])
            differences = zip(cotangents, above, below, strict=True)
            terms = [inner(v, a - b) / (2 * self.eps) for v, a, b in differences]
        wanted = sum(terms)
        scale = max(abs(found), abs(wanted), *map(abs, terms))
        error, allowed = abs(found - wanted), self.atol + self.rtol * scale
        if not error <= allowed:
            raise AssertionError(
                f"check_grads: the gradient {what} (shape {list(x.shape)}, {x.dtype}, on "
                f"{x.library.backend.name}) does not agree with central differences: along a random direction it gives "
                f"{found:.8g}, differences give {wanted:.8g}; they differ by {error:.3g}, and {allowed:.3g} is allowed"
            )


def pullback(
    function: Callable[..., tuple[Tensor, ...]], cotangents: Sequence[Tensor], count: int
) -> Callable[..., Any]:
    """The function from `count` points to the gradients of <cotangents, function> there."""

    def gradients(*points: Tensor) -> tuple[Tensor, ...]:
        call = Recorded(function, points, tuple(range(count)), False, {}, "check_grads")
        return tuple(call.by_argument(call.pull(cotangents, call.outer)))

    return gradients


def inner(a: Any, b: Any) -> float:
    """Σ Re(conj(a) b), as a Python number."""
    xp = a.__array_namespace__()
    product = xp.real(xp.conj(a) * b) if a.dtype.is_complex or b.dtype.is_complex else a * b
    return float(xp.sum(product))


def normal(t: Tensor, generator: Generator) -> Tensor:
    """Normal numbers like `t`, in both parts where it is complex."""
    if not t.dtype.is_complex:
        return randn_like(t, generator=generator)
    part = t.__array_namespace__().real(make(current(t)))
    real: Any = randn_like(part, generator=generator)
    return real + 1j * randn_like(part, generator=generator)  # type: ignore[no-any-return]


def _moved(x: Any, direction: Any, step: float) -> Tensor:
    return make(current(x + step * direction))


def _real_name(t: Tensor) -> str:
    return t.dtype.to_real().name if t.dtype.is_complex else t.dtype.name


__all__ = ["check_grads"]
