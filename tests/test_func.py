"""Functional transforms: against torch.func, torch.autograd.functional and jax, on every backend, to any order."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import func, functional, trees
from xpgrad.func import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, linearize, value_and_grad, vjp

X = np.asarray([[0.5, -1.0], [2.0, 0.25]])
W = np.asarray([1.5, -0.5])
V = np.asarray([[1.0, 0.5], [-2.0, 3.0]])
Pair = collections.namedtuple("Pair", ["first", "second"])


def on(value: np.ndarray[Any, Any]) -> Any:
    return xpgrad.from_numpy(value)


def close(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    theirs, ours = trees.flatten(expected)[0], trees.flatten(found)[0]
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        a = a.numpy_array() if isinstance(a, xpgrad.Tensor) else a
        b = b.detach().resolve_conj().numpy() if hasattr(b, "detach") else b
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-12)


def scalar(x: Any, w: Any) -> Any:
    return ((x @ w).sin() * w.exp()).sum() + (x**3).sum()


def field(x: Any, w: Any) -> Any:
    return {"a": (x @ w).tanh(), "b": (x**2).sum()}


# -- against PyTorch --


def _both(name: str, function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, Any]:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.func, name)(function, **options)(*map(torch.tensor, args))
    return getattr(func, name)(function, **options)(*map(on, args)), theirs


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1, 0), -1])
def test_grad(backend: str, argnums: Any) -> None:
    close(*_both("grad", scalar, X, W, argnums=argnums))


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
@pytest.mark.parametrize("argnums", [0, (0, 1)])
def test_jacobian(backend: str, name: str, argnums: Any) -> None:
    close(*_both(name, field, X, W, argnums=argnums))


@pytest.mark.parametrize("argnums", [1, (0, 1)])
def test_hessian(backend: str, argnums: Any) -> None:
    close(*_both("hessian", scalar, X, W, argnums=argnums))


def test_vjp_and_jvp(backend: str) -> None:
    torch = pytest.importorskip("torch")
    cotangents = {"a": W, "b": np.asarray(2.0)}
    out, pull = vjp(field, on(X), on(W))
    theirs_out, theirs_pull = torch.func.vjp(field, torch.tensor(X), torch.tensor(W))
    close(
        (out, pull({k: on(c) for k, c in cotangents.items()})),
        (theirs_out, theirs_pull({k: torch.tensor(c) for k, c in cotangents.items()})),
    )
    ours = jvp(field, (on(X), on(W)), (on(V), on(W)))
    theirs = torch.func.jvp(field, (torch.tensor(X), torch.tensor(W)), (torch.tensor(V), torch.tensor(W)))
    close(ours, theirs)
    _, push = linearize(field, on(X), on(W))
    close(push(on(V), on(W)), theirs[1])
    close(push(on(2 * V), on(2 * W))["b"], 2 * theirs[1]["b"])


def test_complex_vjp_and_jvp(backend: str) -> None:
    torch = pytest.importorskip("torch")
    z, v = X[0] + 1j * X[1], W * (1 - 2j)
    mixed = lambda z: z * z * z.conj()
    close(vjp(mixed, on(z))[1](on(v)), torch.func.vjp(mixed, torch.tensor(z))[1](torch.tensor(v)))
    close(jvp(mixed, (on(z),), (on(v),)), torch.autograd.functional.jvp(mixed, torch.tensor(z), torch.tensor(v)))
    energy = lambda z: (abs(z) ** 4).sum()
    close(grad(energy)(on(z)), torch.func.grad(energy)(torch.tensor(z)))
    with pytest.raises(TypeError, match=r"jacobian: output of dtype torch\.complex128.*vjp or jvp"):
        jacobian(mixed)(on(z))


CALLS = [
    ("jacobian", lambda x: (x**2, x.sum()), X, None),
    ("jacobian", lambda x, w: x * w, (X, W), None),
    ("jacobian", lambda x, w: (x.sin(), w * 2), (X, W), None),
    ("hessian", lambda x: (x**3).sum(), X, None),
    ("hessian", scalar, (X, W), None),
    ("hvp", scalar, (X, W), (V, W)),
    ("vhp", scalar, (X, W), (V, W)),
    ("hvp", lambda x: (x**4).sum(), X, V),
    ("vjp", lambda x: x.exp(), X, V),
    ("vjp", lambda x: x.exp().sum(), X, None),
    ("jvp", lambda x: x.exp(), X, V),
    ("jvp", lambda x, w: (x @ w, x.sin()), (X, W), (V, W)),
]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("name", "function", "inputs", "v"), CALLS)
def test_pytorchs_signatures(backend: str, name: str, function: Any, inputs: Any, v: Any, strict: bool) -> None:
    torch = pytest.importorskip("torch")
    if name == "jacobian" and isinstance(inputs, tuple) and strict:
        function = lambda x, w: x @ w
    vectors = () if v is None else (v,)
    ours = getattr(functional, name)(function, *[trees.map_leaves(on, a) for a in (inputs, *vectors)], strict=strict)
    theirs = getattr(torch.autograd.functional, name)(
        function, *[trees.map_leaves(torch.tensor, a) for a in (inputs, *vectors)], strict=strict
    )
    close(ours, theirs)
    assert not any(t.requires_grad for t in trees.flatten(ours)[0])


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("jacobian", lambda x, w: x.sin(), "Output 0 .* is independent of input 1"),
        ("vjp", lambda x, w: x.detach().sum(), "Output 0 .* does not require gradients"),
        ("vjp", lambda x, w: w.sum(), "independent of input 0"),
        ("hessian", lambda x, w: (x.sum() * w.sum()) ** 2, None),
        ("hessian", lambda x, w: x.sum() + (w**2).sum(), "jacobian .* with respect to input 0 is independent"),
        ("hvp", lambda x, w: x.sum() + w.sum(), "jacobian .* with respect to input 0 is independent"),
    ],
)
def test_strict_refuses_what_does_not_depend(name: str, function: Any, says: str | None) -> None:
    args = ((on(X), on(W)),) + (((on(V), on(W)),) if name == "hvp" else ())
    getattr(functional, name)(function, *args)
    if says is None:
        getattr(functional, name)(function, *args, strict=True)
    else:
        with pytest.raises(RuntimeError, match=says):
            getattr(functional, name)(function, *args, strict=True)


def test_functional_create_graph() -> None:
    x = xpgrad.tensor(X, requires_grad=True)
    j = functional.jacobian(lambda x: x**3, x, create_graph=True)
    (g,) = xpgrad.autograd.grad(j.sum(), x)
    close(g, 6 * X)
    h = functional.hessian(lambda x: (x**4).sum(), x, create_graph=True)
    close(xpgrad.autograd.grad(h.sum(), x)[0], 24 * X)
    _, p = functional.jvp(lambda x: x**3, x, on(V), create_graph=True)
    close(xpgrad.autograd.grad(p.sum(), x)[0], 6 * X * V)


@pytest.mark.parametrize("name", ["vjp", "jvp", "hvp", "vhp"])
def test_functional_errors(name: str) -> None:
    call = getattr(functional, name)
    f = (lambda x: (x**2).sum()) if name in ("hvp", "vhp") else lambda x: x**2
    with pytest.raises(RuntimeError, match="v can only be None"):
        call(f, on(X))
    with pytest.raises(RuntimeError, match="v has invalid size"):
        call(f, on(X), on(W))
    with pytest.raises(TypeError, match=f"inputs given to {name} must be either a Tensor or a tuple of Tensors"):
        call(f, 3.0)
    with pytest.raises(TypeError, match="outputs of the user-provided function"):
        call(lambda x: 3, on(X), on(X))


# -- against jax --


def test_orders_against_jax(backend: str) -> None:
    jax = pytest.importorskip("jax")
    xpgrad.array_namespace("jax")  # its 64-bit mode
    ours, theirs = (lambda x: (x * x.exp()).sin()), (lambda x: jax.numpy.sin(x * jax.numpy.exp(x)))
    x = np.asarray(0.7)
    for _ in range(4):
        ours, theirs = grad(ours), jax.grad(theirs)
        close(ours(on(x)), theirs(x))
    both = lambda f, t: t.grad(lambda x: t.jacfwd(t.jacrev(f))(x).sum())
    close(both(lambda x: (x**4).sum() * x.sum(), func)(on(W)), both(lambda x: (x**4).sum() * x.sum(), jax)(W))
    f = lambda p: (p["w"][0] * p["w"][1] ** 2).sum() * p["b"]
    tree = {"b": np.asarray(3.0), "w": [W, 2 * W]}
    value, found = value_and_grad(f)(trees.map_leaves(on, tree))
    close((value, found), jax.value_and_grad(f)(tree))
    expected = jax.jvp(jax.grad(f), (tree,), (tree,))[1]
    close(hvp(f, (tree,), (tree,)), {k: expected[k] for k in tree})


# -- composition --


def test_a_transform_inside_another_sees_its_variables(backend: str) -> None:
    x = on(np.asarray(3.0))
    close(grad(lambda y: grad(lambda x: x * y * y)(y * 0 + 1))(x), 6.0)
    close(grad(lambda x: x * grad(lambda y: x + y)(x * 0 + 1))(x), 1.0)  # two variables that must not be confused
    close(jvp(lambda x: jvp(lambda y: x * y**2, (x,), (x * 0 + 1,))[1], (x,), (on(np.asarray(1.0)),))[1], 12.0)
    close(grad(lambda x: vjp(lambda y: y**3, x)[1](x)[0])(x), 9 * 9.0)
    close(jacobian(grad(lambda x: (x**3).sum()))(on(W)), np.diag(6 * W))
    close(jacfwd(jacfwd(jacrev(lambda x: (x**3).sum())))(on(W)), np.asarray([[[6.0, 0], [0, 0]], [[0, 0], [0, 6.0]]]))
    close(grad(lambda x: hvp(lambda y: (y**3).sum(), (x,), (x,)).sum())(on(W)), 12 * W)


def test_transforms_and_backward_compose() -> None:
    w = xpgrad.tensor(W, requires_grad=True)
    g = grad(lambda x: (w * x**3).sum())(on(W))
    assert g.requires_grad
    g.sum().backward()
    close(w.grad, 3 * W**2)
    x = xpgrad.tensor(W, requires_grad=True)
    value, slope = value_and_grad(lambda x: (x**3).sum())(x * 2)
    (value + slope.sum()).backward()
    close(x.grad, 2 * (3 * (2 * W) ** 2 + 6 * (2 * W)))
    with xpgrad.no_grad():
        assert not grad(lambda x: (w * x**3).sum())(on(W)).requires_grad
    close(grad(lambda t: (t * grad(lambda x: (w.detach() * x**2).sum())(on(W))).sum())(on(W)), 2 * W**2)


def test_nothing_is_left_on_the_results() -> None:
    results = (
        value_and_grad(scalar, (0, 1))(X, W),
        vjp(field, X, W)[0],
        jvp(field, (X, W), (V, W)),
        jacobian(field)(X, W),
        hessian(scalar, (0, 1))(X, W),
        linearize(field, X, W)[0],
    )
    assert not any(t.requires_grad for t in trees.flatten(results)[0])


def test_raw_arrays_trees_and_aux() -> None:
    seen = []

    def f(p: Any, scale: Any, *, shift: Any) -> Any:
        seen.append((type(p.first[0]), type(scale), type(shift)))
        out = (p.first[0] * scale).sum() + (p.second["k"] ** 2).sum() + shift.sum()
        return out, {"twice": out * 2, "note": "kept"}

    point = Pair([W, None], {"k": X})
    (value, aux), g = value_and_grad(f, has_aux=True)(point, W, shift=W)
    assert seen == [(xpgrad.Tensor,) * 3]
    assert aux["note"] == "kept" and not aux["twice"].requires_grad
    close(aux["twice"], 2 * float(value))
    assert type(g) is Pair and g.first[1] is None
    close(g, Pair([W, None], {"k": 2 * X}))
    g, aux = grad(f, has_aux=True)(point, W, shift=W)
    close(vjp(lambda x: (x * 2, x), W, has_aux=True)[2], W)
    close(jvp(lambda x: (x * 2, x), (W,), (W,), has_aux=True), (2 * W, 2 * W, W))
    close(jacrev(lambda x: (x * 2, x), has_aux=True)(W), (2 * np.eye(2), W))
    close(jacfwd(lambda x: (x * 2, x), has_aux=True)(W), (2 * np.eye(2), W))


def test_what_does_not_depend_is_zero(backend: str) -> None:
    x = on(X)
    close(grad(lambda x: x.detach().sum())(x), 0 * X)
    close(jvp(lambda x: x.detach(), (x,), (x,))[1], 0 * X)
    close(jacobian(lambda x: xpgrad.ones_like(x))(on(W)), np.zeros((2, 2)))
    close(hessian(lambda x: x.sum())(on(W)), np.zeros((2, 2)))
    assert jacobian(lambda x: x[:0])(on(W)).shape == (0, 2)
    assert jacfwd(lambda x: x.sum())(on(W[:0])).shape == (0,)


def test_dtype_is_kept(backend: str) -> None:
    x = on(W.astype(np.float32))
    for found in (
        grad(lambda x: (x**2).sum())(x),
        jacobian(lambda x: x**2)(x),
        jvp(lambda x: x**2, (x,), (x,))[1],
        hessian(lambda x: (x**3).sum())(x),
        jacfwd(lambda x: x**2)(x),
    ):
        assert found.dtype is xpgrad.float32 and found.library is x.library


def test_errors() -> None:
    with pytest.raises(RuntimeError, match=r"real scalar Tensor, got torch.float64 of shape \(2,\)"):
        grad(lambda x: x * 2)(W)
    with pytest.raises(RuntimeError, match=r"a tree \(\*, \*\)"):
        grad(lambda x: (x.sum(), x.sum()))(W)
    with pytest.raises(TypeError, match="must return Tensors; its output is of type float"):
        grad(lambda x: 3.0)(W)
    with pytest.raises(TypeError, match=r"argument 0\['n'\] is a Tensor of dtype torch.int64"):
        grad(lambda p: p["x"].sum())({"x": W, "n": np.asarray([1])})
    with pytest.raises(TypeError, match=r"argument 0 is 2.0, of type float"):
        grad(lambda x: x)(2.0)
    with pytest.raises(ValueError, match="argnums=3, but there are 1 positional"):
        grad(lambda x: x.sum(), argnums=3)(W)
    with pytest.raises(ValueError, match="must name each argument once"):
        grad(lambda x, y: x.sum(), argnums=(0, -2))(W, W)
    with pytest.raises(TypeError, match="has_aux=True the function must return a pair"):
        grad(lambda x: x.sum(), has_aux=True)(W)
    with pytest.raises(ValueError, match=r"cotangent 0 has shape \(2, 2\), and should have \(2,\)"):
        vjp(lambda x: x * 2, W)[1](X)
    with pytest.raises(ValueError, match=r"cotangents: expected the structure \{'a': \*, 'b': \*\}, got \{'a': \*\}"):
        vjp(field, X, W)[1]({"a": W})
    with pytest.raises(TypeError, match="tuples of the same length"):
        jvp(lambda x: x, (W,), ())
    with pytest.raises(TypeError, match=r"is complex, where torch\.float64"):
        jvp(lambda x: x, (W,), (W * 1j,))
    with pytest.raises(NotImplementedError, match="no batching transform"):
        func.vmap(lambda x: x)


def test_trees() -> None:
    tree = {"b": [1, (2, None)], "a": Pair(3, 4), "o": collections.OrderedDict(z=5)}
    leaves, structure = trees.flatten(tree)
    assert leaves == [1, 2, 3, 4, 5]
    assert structure.unflatten(leaves) == tree
    assert structure.flatten_like(dict(reversed(tree.items())), "t") == leaves
    assert trees.paths(tree) == ["['b'][0]", "['b'][1][0]", "['a'][0]", "['a'][1]", "['o']['z']"]
    assert str(structure) == "{'b': [*, (*, None)], 'a': Pair(*, *), 'o': {'z': *}}"
    with pytest.raises(ValueError, match="has 5 leaves, got 1"):
        structure.unflatten([1])
    with pytest.raises(ValueError, match=r"t\['b'\]: expected the structure"):
        structure.flatten_like({**tree, "b": 1}, "t")
