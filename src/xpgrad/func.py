"""Functional transforms: functions from functions to their derivatives.

``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``jacobian``, ``hessian``, ``hvp`` and their kin compose to any order,
with one another and with ``backward``. Arguments may be Tensors or raw arrays, in nested tuples, lists and dicts; the
function sees Tensors, and results are Tensors. `transform` says how it works.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .modes import modes
from .tensor import Tensor
from .transform import Pushforward, Recorded, basis, like, rows, stacked, zeros

Argnums = int | tuple[int, ...]


def positions(argnums: Argnums, count: int, name: str) -> tuple[int, ...]:
    """`argnums` as a tuple of positions among `count` arguments.

    Raises:
        ValueError: for one that is out of range or given twice.
    """
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    for i in given:
        if not isinstance(i, int) or not -count <= i < count:
            raise ValueError(f"{name}: argnums={argnums!r}, but there are {count} positional arguments")
    found = tuple(i % count for i in given)
    if len(set(found)) != len(found) or not found:
        raise ValueError(f"{name}: argnums={argnums!r} must name each argument once")
    return found


def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns ``(value, gradient)`` of a real scalar function.

    Args:
        func: returns a real Tensor of shape (), or, with `has_aux`, a pair of it and anything else.
        argnums: which positional arguments are differentiated; an int, or a tuple, which makes the gradient a tuple.
        has_aux: whether the value is to be ``(value, auxiliary)``.

    Returns:
        ``f(*args, **kwargs)``; the gradient has the nesting and shapes of the argument. Complex gradients follow
        PyTorch's convention: g with dL = Re(conj(g) dz).

    Raises:
        RuntimeError: if the output is no real scalar.
        TypeError, ValueError: for arguments that cannot be differentiated.

    Example:
        >>> import numpy as np
        >>> from xpgrad.func import value_and_grad
        >>> value_and_grad(lambda p: (p["w"] ** 2).sum())({"w": np.asarray([1.0, 2.0])})
        (tensor(5., dtype=torch.float64), {'w': tensor([2., 4.], dtype=torch.float64)})
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, len(args), "grad")
        call = Recorded(func, args, chosen, has_aux, kwargs, "grad")
        if call.structure.kind is not None or tuple(call.outputs[0].shape) != () or call.outputs[0].dtype.is_complex:
            found = (
                f"{call.outputs[0].dtype} of shape {tuple(call.outputs[0].shape)}"
                if call.structure.kind is None
                else f"a tree {call.structure}"
            )
            raise RuntimeError(
                f"grad: the function must return a real scalar Tensor, got {found}; vjp and jacobian take any"
            )
        ones = next(basis(call.outputs[0]))
        gradients = call.by_argument(call.pull([ones], call.outer, keep=False))
        return ((call.output, call.auxiliary) if has_aux else call.output), _chosen(gradients, argnums)

    return transformed


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of a real scalar function; see `value_and_grad` for the arguments.

    With `has_aux` it returns ``(gradient, auxiliary)``.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import grad
        >>> cube = lambda x: x**3
        >>> x = xpgrad.tensor(2.0)
        >>> grad(cube)(x), grad(grad(cube))(x), grad(grad(grad(cube)))(x)
        (tensor(12.), tensor(12.), tensor(6.))
    """
    both = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return transformed


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The output of ``func(*primals)``, and the function from cotangents to vector-Jacobian products.

    Returns:
        ``(output, vjp_fn)`` or ``(output, vjp_fn, auxiliary)``. ``vjp_fn(cotangents)`` takes a tree like the output and
        returns a tuple with a tree for each primal, conj(J)ᵀ v in terms of the Jacobian J; it can be called again.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import vjp
        >>> output, pull = vjp(lambda x: x.sin(), xpgrad.tensor([0.0, 1.0]))
        >>> pull(xpgrad.tensor([1.0, 0.0]))
        (tensor([1., 0.]),)
    """
    call = Recorded(func, primals, tuple(range(len(primals))), has_aux, {}, "vjp")

    def vjp_fn(cotangents: Any) -> tuple[Any, ...]:
        given = like(call.outputs, call.structure.flatten_like(cotangents, "vjp: cotangents"), "vjp: cotangent")
        recording = modes.grad and (call.outer or any(c.requires_grad for c in given))
        return tuple(call.by_argument(call.pull(given, recording)))

    return (call.output, vjp_fn, call.auxiliary) if has_aux else (call.output, vjp_fn)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, has_aux: bool = False) -> tuple[Any, ...]:
    """The output of ``func(*primals)`` and its derivative J t along `tangents`, by walking back twice.

    Args:
        func: any function of Tensors.
        primals, tangents: tuples of the same structure.

    Returns:
        ``(output, derivative)`` or ``(output, derivative, auxiliary)``; the derivative is a tree like the output.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import jvp
        >>> jvp(lambda x: x**2, (xpgrad.tensor([1.0, 2.0]),), (xpgrad.tensor([1.0, 10.0]),))
        (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("jvp: primals and tangents must be tuples of the same length, one entry for each argument")
    call = Recorded(func, tuple(primals), tuple(range(len(primals))), has_aux, {}, "jvp")
    pushed = _pushed(call, Pushforward(call), tangents)
    return (call.output, pushed, call.auxiliary) if has_aux else (call.output, pushed)


def _pushed(call: Recorded, push: Pushforward, tangents: Sequence[Any]) -> Any:
    """What `push` makes of one tree of tangents for each argument."""
    flat = [
        leaf
        for i, (shape, tangent) in enumerate(zip(call.structures, tangents, strict=True))
        for leaf in shape.flatten_like(tangent, f"jvp: tangents[{i}]")
    ]
    given = like(call.inputs, flat, "jvp: tangent")
    recording = modes.grad and (call.outer or any(t.requires_grad for t in given))
    return call.structure.unflatten(push(given, recording))


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The output of ``func(*primals)``, and the linear function from tangents to J t, which calls `func` no more.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import linearize
        >>> output, push = linearize(lambda x: x**2, xpgrad.tensor(3.0))
        >>> output, push(xpgrad.tensor(1.0)), push(xpgrad.tensor(2.0))
        (tensor(9.), tensor(6.), tensor(12.))
    """
    call = Recorded(func, primals, tuple(range(len(primals))), False, {}, "linearize")
    push = Pushforward(call)

    def jvp_fn(*tangents: Any) -> Any:
        if len(tangents) != len(primals):
            raise TypeError(f"linearize: the function takes {len(primals)} tangents, got {len(tangents)}")
        return _pushed(call, push, tangents)

    return call.output, jvp_fn


def jacrev(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the Jacobian of `func`, one walk for each element of the output.

    Args:
        func: returns a real Tensor or a tree of them.
        argnums, has_aux: as in `value_and_grad`.

    Returns:
        A function; its result is the output's tree, whose leaves are the argument's tree (a tuple of them, if `argnums`
        is a tuple), whose leaves have shape ``output.shape + argument.shape``.

    Raises:
        TypeError: for a complex output, whose Jacobian is no complex matrix in general; use vjp or jvp.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import jacobian
        >>> jacobian(lambda x: x**2)(xpgrad.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, len(args), "jacobian")
        call = Recorded(func, args, chosen, has_aux, kwargs, "jacobian")
        _refuse_complex(call.outputs, "output")
        per_output = []
        for k, y in enumerate(call.outputs):
            found = [
                [zeros(x) if g is None else g for g, x in zip(row, call.inputs, strict=True)]
                for row in rows(call, k, call.outer)
            ]
            blocks = [stacked([row[i] for row in found], x, (*y.shape, *x.shape), 0) for i, x in enumerate(call.inputs)]
            per_output.append(_chosen(call.by_argument(blocks), argnums))
        out = call.structure.unflatten(per_output)
        return (out, call.auxiliary) if has_aux else out

    return transformed


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """As `jacrev`, one derivative for each element of the arguments: cheaper where outputs outnumber them.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import jacfwd
        >>> jacfwd(lambda x: x * xpgrad.tensor([1.0, 2.0, 3.0]))(xpgrad.tensor(5.0))
        tensor([1., 2., 3.])
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, len(args), "jacobian")
        call = Recorded(func, args, chosen, has_aux, kwargs, "jacobian")
        _refuse_complex(call.outputs, "output")
        _refuse_complex(call.inputs, "argument")
        push = Pushforward(call)
        columns: list[list[list[Tensor]]] = []  # by input, element of it, output
        for k, x in enumerate(call.inputs):
            still = [zeros(t) for t in call.inputs]
            columns.append([push([*still[:k], one, *still[k + 1 :]], call.outer) for one in basis(x)])
        per_output = []
        for k, y in enumerate(call.outputs):
            blocks = [
                stacked([pushed[k] for pushed in column], y, (*y.shape, *x.shape), -1)
                for column, x in zip(columns, call.inputs, strict=True)
            ]
            per_output.append(_chosen(call.by_argument(blocks), argnums))
        out = call.structure.unflatten(per_output)
        return (out, call.auxiliary) if has_aux else out

    return transformed


def _chosen(by_argument: list[Any], argnums: Argnums) -> Any:
    return tuple(by_argument) if isinstance(argnums, tuple) else by_argument[0]


def _refuse_complex(leaves: Sequence[Tensor], what: str) -> None:
    for t in leaves:
        if t.dtype.is_complex:
            raise TypeError(
                f"jacobian: {what} of dtype {t.dtype}; a complex function has in general no complex matrix for a "
                "Jacobian: use vjp or jvp, or real and imaginary parts"
            )


jacobian = jacrev


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of a real function, as the Jacobian of its Jacobian.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import hessian
        >>> hessian(lambda x: (x**3).sum())(xpgrad.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The Hessian of a real scalar function times a vector, by two walks and without the Hessian.

    Args:
        func: returns a real Tensor of shape ().
        primals, tangents: tuples of the same structure.

    Returns:
        H t: a tree like the primal, or a tuple of them for several. H is symmetric, so `vhp` is the same function.

    Example:
        >>> import xpgrad
        >>> from xpgrad.func import hvp
        >>> hvp(lambda x: (x**3).sum(), (xpgrad.tensor([1.0, 2.0]),), (xpgrad.tensor([1.0, 1.0]),))
        tensor([ 6., 12.])
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("hvp: primals and tangents must be tuples of the same length, one entry for each argument")
    _, pull = vjp(grad(func, tuple(range(len(primals)))), *primals)
    found = pull(tuple(tangents))
    return found[0] if len(found) == 1 else found


vhp = hvp


def vmap(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Not there: it would need a batching rule for every op.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "vmap: xpgrad has no batching transform; write the function over leading axes with the "
        "standard's broadcasting, or loop and stack"
    )


__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vhp",
    "vjp",
    "vmap",
]
