"""``gradcheck`` and ``gradgradcheck``: PyTorch's checks, element by element, of a function's Jacobians.

Every Jacobian is written in real coordinates, a complex number as its two parts, once by walks and once by central
differences. `check.check_grads` is quicker, takes nested arguments and goes to any order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .check import Projection, normal
from .graph import differentiable
from .modes import modes, no_grad
from .random import Generator
from .tensor import Tensor, current, make
from .transform import Pushforward, Recorded, basis, zeros


class GradcheckError(RuntimeError):
    """A gradient does not agree with differences."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences at `inputs`.

    Args:
        func: returns a Tensor or a sequence of them.
        inputs: a Tensor or a sequence; those that require grad are checked. They should be of double precision.
        eps: the step. atol, rtol: ``|analytical - numerical| <= atol + rtol |numerical|`` must hold for each element.
        raise_exception: raise, or return False.
        nondet_tol: by how much two walks of the same graph may differ.
        check_undefined_grad, check_grad_dtypes: each output is walked alone, and gradients have their input's dtype, in
            any case.
        check_forward_ad, check_backward_ad: which derivatives to check: `jvp`'s, `vjp`'s.
        fast_mode: compare along random directions alone.
        check_batched_grad, check_batched_forward_grad: refused, for there is no vmap.
        masked: accepted; nothing is sparse.

    Raises:
        GradcheckError: where they disagree. ValueError: if no input requires grad.
        NotImplementedError: for batched checks.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([0.5, 1.0], dtype=xpgrad.float64, requires_grad=True)
        >>> from xpgrad.jacobians import gradcheck
        >>> gradcheck(lambda x: x.sin() * x, (x,))
        True
    """
    if check_batched_grad or check_batched_forward_grad:
        raise NotImplementedError("gradcheck: batched gradients need vmap, which xpgrad has not")
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    chosen = [i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad]
    if not chosen:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i in chosen:
        if given[i].dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision.",
                stacklevel=2,
            )
    points = [make(current(given[i])) for i in chosen]

    def function(*moved: Tensor) -> tuple[Tensor, ...]:
        filled = list(given)
        for i, t in zip(chosen, moved, strict=True):
            filled[i] = t
        return _outputs(func(*filled))

    try:
        if fast_mode:
            _along_directions(function, points, chosen, eps, rtol, atol)
            return True
        call = Recorded(function, tuple(points), tuple(range(len(points))), False, {}, "gradcheck")
        numerical = [_by_differences(function, points, j, eps) for j in range(len(points))]
        if check_backward_ad:
            found = _by_walks(call)
            _same(found, _by_walks(call), nondet_tol)
            _compare(found, numerical, chosen, rtol, atol, "")
        if check_forward_ad:
            _compare(_by_pushes(call), numerical, chosen, rtol, atol, " computed with forward mode")
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of `func` agree with central differences of its first ones; see `gradcheck`.

    Args:
        grad_outputs: the gradients that start at the outputs; by default random. They are differentiated too.
        check_fwd_over_rev, check_rev_over_rev: which derivatives of the first ones to check.

    Example:
        >>> import xpgrad
        >>> from xpgrad.jacobians import gradgradcheck
        >>> x = xpgrad.tensor([0.5, 1.0], dtype=xpgrad.float64, requires_grad=True)
        >>> gradgradcheck(lambda x: x**3, x)
        True
    """
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    chosen = tuple(i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad)
    outputs = [t for t in _outputs(func(*given)) if t.requires_grad]
    if grad_outputs is None:
        source = Generator()
        starts = [normal(t, source) for t in outputs]
    else:
        starts = [
            make(current(g)) for g in (grad_outputs if isinstance(grad_outputs, tuple | list) else (grad_outputs,))
        ]
    for g in starts:
        g.requires_grad = True

    def first(*args: Any) -> tuple[Tensor, ...]:
        points, cotangents = args[: len(given)], args[len(given) :]
        call = Recorded(lambda *a: _outputs(func(*a)), points, chosen, False, {}, "gradgradcheck")
        every = iter(cotangents)
        pulled = call.pull(
            [next(every) if t.requires_grad else None for t in call.outputs],
            modes.grad and (call.outer or any(c.requires_grad for c in cotangents)),
        )
        return tuple(call.by_argument(pulled))

    return gradcheck(
        first,
        (*given, *starts),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


def _outputs(result: Any) -> tuple[Tensor, ...]:
    """The differentiable Tensors among what a function returned."""
    found = tuple(result) if isinstance(result, tuple | list) else (result,)
    for t in found:
        if not isinstance(t, Tensor):
            raise ValueError(
                f"gradcheck: the function must return a Tensor or a sequence of them, got {type(t).__name__}"
            )
    return tuple(t for t in found if differentiable(current(t).dtype))


def _along_directions(
    function: Callable[..., Any], points: list[Tensor], chosen: Sequence[int], eps: float, rtol: float, atol: float
) -> None:
    names = [f"input {i}" for i in chosen]
    try:
        Projection(eps, rtol, atol, 2, Generator().manual_seed(0)).check(function, points, names, 1)
    except AssertionError as error:
        raise GradcheckError(f"Jacobian mismatch, in fast mode: {error}") from None


def _real_vector(t: Tensor) -> Tensor:
    """All elements in a row, for a complex Tensor real parts and then imaginary parts."""
    xp = t.__array_namespace__()
    flat = xp.reshape(t, (-1,))
    return xp.concat([xp.real(flat), xp.imag(flat)]) if t.dtype.is_complex else flat  # type: ignore[no-any-return]


def _real_basis(t: Tensor) -> Iterator[Any]:
    """One-hot Tensors in the order of `_real_vector`."""
    yield from basis(t)
    if t.dtype.is_complex:
        one: Any
        for one in basis(t):
            yield one * 1j


def _matrix(lines: list[Tensor], width: int, like: Tensor, axis: int) -> Any:
    """`lines` as rows (axis 0) or columns (axis 1) of a matrix; an empty one beside `like` where there are none."""
    xp = like.__array_namespace__()
    if lines:
        return xp.stack(lines, axis=axis)
    dtype = like.dtype.to_real() if like.dtype.is_complex else like.dtype
    return xp.zeros((width, 0) if axis else (0, width), dtype=dtype, device=like.device)


def _width(t: Tensor) -> int:
    return int(t.size) * (2 if t.dtype.is_complex else 1)


def _by_walks(call: Recorded) -> list[list[Tensor]]:
    """For each input, for each output, the Jacobian (output elements, input elements), a row for each walk."""
    lines: list[list[list[Tensor]]] = [[[] for _ in call.outputs] for _ in call.inputs]
    for k, y in enumerate(call.outputs):
        for one in _real_basis(y):
            pulled = call.pull([one if i == k else None for i in range(len(call.outputs))], recording=False)
            for j, g in enumerate(call.by_argument(pulled)):
                lines[j][k].append(_real_vector(g))
    return [[_matrix(rows, _width(x), x, 0) for rows in lines[j]] for j, x in enumerate(call.inputs)]


def _by_pushes(call: Recorded) -> list[list[Tensor]]:
    """As `_by_walks`, a column for each direction."""
    push = Pushforward(call)
    still = [zeros(t) for t in call.inputs]
    out = []
    for j, x in enumerate(call.inputs):
        pushed = [push([*still[:j], one, *still[j + 1 :]], False) for one in _real_basis(x)]
        out.append([_matrix([_real_vector(p[k]) for p in pushed], _width(y), y, 1) for k, y in enumerate(call.outputs)])
    return out


def _by_differences(function: Callable[..., Any], points: list[Tensor], j: int, eps: float) -> list[Tensor]:
    """The Jacobians of every output with respect to input `j`."""
    x: Any = points[j]
    with no_grad():
        outputs = function(*points)
        columns: list[list[Tensor]] = [[] for _ in outputs]
        for one in _real_basis(x):
            moved = [function(*points[:j], x + step * one, *points[j + 1 :]) for step in (eps, -eps)]
            for column, above, below in zip(columns, *moved, strict=True):
                column.append(_real_vector((above - below) / (2 * eps)))
        return [_matrix(column, _width(y), y, 1) for column, y in zip(columns, outputs, strict=True)]


def _same(first: list[list[Any]], second: list[list[Any]], tolerance: float) -> None:
    for j, (ours, again) in enumerate(zip(first, second, strict=True)):
        for k, (a, b) in enumerate(zip(ours, again, strict=True)):
            xp = a.__array_namespace__()
            if not bool(xp.all(abs(a - b) <= tolerance)):
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                    f"times gives different values (output {k}, input {j}), although analytical gradient "
                    f"matches numerical gradient. The tolerance is {tolerance}."
                )


def _compare(
    analytical: list[list[Tensor]],
    numerical: list[list[Tensor]],
    chosen: Sequence[int],
    rtol: float,
    atol: float,
    how: str,
) -> None:
    for j, (found, wanted) in enumerate(zip(analytical, numerical, strict=True)):
        for k, (a, n) in enumerate(zip(found, wanted, strict=True)):
            xp = a.__array_namespace__()
            n = xp.astype(n, a.dtype)
            if not bool(xp.all(abs(a - n) <= atol + rtol * abs(n))):
                raise GradcheckError(
                    f"Jacobian{how} mismatch for output {k} with respect to input {chosen[j]}, by as much as "
                    f"{float(xp.max(abs(a - n))):.3g},\nnumerical:{n.mT}\nanalytical:{a.mT}\n"
                )


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
