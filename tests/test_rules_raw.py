"""Rules on raw arrays, without the graph: their values against PyTorch's, and the law of closure.

Every case of the table that is one call of one op is run here on the library's own arrays, its rules called by hand
and the broadcast undone by hand. So a wrong rule is told from a wrong walk.
"""

from __future__ import annotations

import dis
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from xpgrad_conformance import cases
from xpgrad_conformance.cases.indexing import KEYS

import xpgrad.rules
from xpgrad import arrays, dtypes
from xpgrad.op import COMPOSITES, OPS, Op, library
from xpgrad.rules.indexing import index_put

torch = pytest.importorskip("torch")

LIBRARIES = {"numpy": "array_api_compat.numpy", "strict": "array_api_strict", "torch": "array_api_compat.torch"}
ROOMS = ("elementwise", "indexing", "products", "reductions", "shapes")
# what the namespace of Tensors has of the standard without registration
PLAIN = {
    *dtypes.NAMED, "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace",
    "ones", "ones_like", "zeros", "zeros_like", "broadcast_shapes", "finfo", "iinfo", "isdtype", "result_type",
    "linalg", "fft", "e", "inf", "nan", "pi",
}  # fmt: skip


class Recorder:
    """A namespace that notes each call of a registered op, with its arguments by name."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.calls: list[tuple[Op, dict[str, Any], Any]] = []

    def __getattr__(self, name: str) -> Any:
        if name in COMPOSITES:
            return functools.partial(COMPOSITES[name], self)
        found = OPS.get(name)
        return getattr(self.xp, name) if found is None else functools.partial(self._call, found)

    def _call(self, op: Op, *args: Any, **params: Any) -> Any:
        y = getattr(self.xp, op.name)(*args, **params)
        names = list(inspect.signature(op.forward).parameters)[1:] if op.forward is not None else list(op.args)
        bound = {"arrays": args[0]} if op.variadic else dict(zip(names, args, strict=False))
        self.calls.append((op, {**bound, **params}, y))
        return y


def _fit(xp: Any, g: Any, like: Any) -> Any:
    extra = len(g.shape) - len(like.shape)
    axes = tuple(i for i, n in enumerate(g.shape) if i < extra or (like.shape[i - extra] == 1 and n != 1))
    g = xp.reshape(xp.sum(g, axis=axes, keepdims=True), like.shape) if axes else g
    if xp.isdtype(g.dtype, "complex floating") and not xp.isdtype(like.dtype, "complex floating"):
        g = xp.real(g)
    assert tuple(g.shape) == tuple(like.shape)
    return xp.astype(g, like.dtype)


def _gradients(xp: Any, op: Op, given: dict[str, Any], y: Any, g: Any, fit: Any = _fit) -> list[tuple[Any, Any]]:
    """(argument, its gradient) for every array argument that has a rule."""
    operands = list(given["arrays"]) if op.variadic else [given.get(name) for name in op.args]
    shapes = tuple(getattr(a, "shape", ()) for a in operands)
    known = {**given, "y": y, "needs": (True,) * len(operands), "shapes": shapes}
    known |= {f"{name}_shape": a.shape for name, a in zip(op.args, operands, strict=False) if hasattr(a, "shape")}

    def read(rule: Callable[..., Any], names: tuple[str, ...]) -> Any:
        return rule(xp, g, **{name: known[name] for name in names if name in known})

    if op.joint is not None:
        return list(zip(operands, read(op.joint, op.reads[0]), strict=True))
    rules = zip(operands, op.rules, op.reads, strict=False)
    return [
        (a, fit(xp.native, read(rule, names), a))
        for a, rule, names in rules
        if rule is not None and hasattr(a, "dtype") and xp.isdtype(a.dtype, ("real floating", "complex floating"))
    ]


def _table() -> Iterator[Any]:
    for case in cases.load():
        by_operator = case.op in ("getitem", "setitem")
        if case.torch is not None and case.op in OPS and case.compare is None and not by_operator:
            room = next((rule for rule in (*OPS[case.op].rules, OPS[case.op].joint) if rule is not None), None)
            if getattr(room, "__module__", "").rpartition(".")[2] in ROOMS:
                for dtype in case.dtypes:
                    yield pytest.param(case, dtype, id=f"{case}-{dtype}")


@pytest.mark.parametrize("library_name", LIBRARIES)
@pytest.mark.parametrize(("case", "dtype"), list(_table()))
@pytest.mark.filterwarnings("ignore")
def test_rule_gives_pytorchs_gradient(case: Any, dtype: str, library_name: str) -> None:
    xp = library(arrays.import_namespace(LIBRARIES[library_name]))
    rng = np.random.default_rng(0)
    drawn = [sample.draw(rng, dtype) for sample in case.inputs]
    ours = [xp.native.asarray(x.copy()) for x in drawn]
    recorder = Recorder(xp)
    y = case.call(recorder, *ours) if case.call else getattr(recorder, case.op)(*ours, **case.params)
    if len(recorder.calls) != 1 or recorder.calls[0][2] is not y:
        pytest.skip("more than one call; the graph's tests run it")
    theirs = [torch.tensor(x, requires_grad=x.dtype.kind in "fc") for x in drawn]
    expected_y = case.torch(torch, *theirs)
    np.testing.assert_allclose(np.asarray(y), expected_y.detach().resolve_conj().numpy(), rtol=1e-10, atol=1e-12)

    seed = rng.normal(size=y.shape) + (1j * rng.normal(size=y.shape) if expected_y.dtype.is_complex else 0)
    asked = [t for t in theirs if t.requires_grad]
    expected = torch.autograd.grad(expected_y, asked, torch.tensor(seed).to(expected_y.dtype), allow_unused=True)
    g = xp.native.asarray(np.asarray(seed, dtype=np.asarray(y).dtype))
    op, given, _ = recorder.calls[0]
    found = _gradients(xp, op, given, y, g)
    for theirs_x, wanted in zip(asked, expected, strict=True):
        position = next(i for i, t in enumerate(theirs) if t is theirs_x)
        got = [gradient for a, gradient in found if a is ours[position]]
        if wanted is None:
            continue
        assert got, "no rule"
        total = sum((np.asarray(one) for one in got[1:]), np.asarray(got[0]))
        np.testing.assert_allclose(total, wanted.resolve_conj().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("library_name", LIBRARIES)
@pytest.mark.parametrize("case", [p.values[0] for p in _table() if p.values[1] == "float64"], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_float32_stays_float32(case: Any, library_name: str) -> None:
    xp = library(arrays.import_namespace(LIBRARIES[library_name]))
    ours = [xp.native.asarray(sample.draw(np.random.default_rng(0), "float32")) for sample in case.inputs]
    recorder = Recorder(xp)
    _ = case.call(recorder, *ours) if case.call else getattr(recorder, case.op)(*ours, **case.params)
    for op, given, y in recorder.calls:
        if op.name == "astype" or not xp.isdtype(y.dtype, "real floating"):
            continue
        assert y.dtype == xp.native.float32
        for _, gradient in _gradients(xp, op, given, y, xp.native.ones_like(y), fit=lambda xp, g, like: g):
            assert gradient.dtype == xp.native.float32


# -- closure --


def _names_called(function: Callable[..., Any], seen: set[Any]) -> Iterator[str]:
    """Every `xp.name` in a rule and in the helpers that it calls."""
    code = inspect.unwrap(function).__code__
    if code in seen:
        return
    seen.add(code)
    codes = [code, *(c for c in code.co_consts if isinstance(c, types.CodeType))]
    for part in codes:
        loaded = None
        for step in dis.get_instructions(part):
            if step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")) and loaded == "xp":
                yield str(step.argval)
            loaded = step.argval if step.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) else None
            helper = function.__globals__.get(step.argval) if step.opname == "LOAD_GLOBAL" else None
            if isinstance(helper, types.FunctionType) and "xp" in inspect.signature(helper).parameters:
                yield from _names_called(helper, seen)


def _rules() -> Iterator[Any]:
    for op in OPS.values():
        for rule in (*op.rules, op.joint):
            if rule is not None:
                yield pytest.param(rule, id=op.name)


@pytest.mark.parametrize("rule", list(_rules()))
def test_rules_call_registered_ops_only(rule: Any) -> None:
    allowed = OPS.keys() | COMPOSITES.keys() | PLAIN
    assert set(_names_called(rule, set())) - allowed == set()


@pytest.mark.parametrize("name", sorted(COMPOSITES))
def test_composites_call_registered_ops_only(name: str) -> None:
    allowed = OPS.keys() | COMPOSITES.keys() | PLAIN
    assert set(_names_called(COMPOSITES[name], set())) - allowed == set()


# -- the scatter --


@pytest.mark.parametrize("library_name", ["numpy", "strict"])
@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put_without_a_native_scatter(library_name: str, accumulate: bool) -> None:
    xp = library(arrays.import_namespace(LIBRARIES[library_name]))
    bare = types.SimpleNamespace(native=xp.native, backend=types.SimpleNamespace(index_put=None))
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(-3, 3, 40), rng.integers(0, 4, 40)
    start, values = rng.normal(size=(3, 4)), rng.normal(size=40)
    values[:3] = np.nan, np.inf, -np.inf
    expected = start.copy()
    if accumulate:
        np.add.at(expected, (rows, columns), values)
    else:
        expected[rows, columns] = values
    a = xp.native.asarray
    key = (a(rows), a(columns))
    np.testing.assert_allclose(np.asarray(index_put(bare, a(start), key, a(values), accumulate)), expected, rtol=1e-12)

    mask = start > 0
    expected = start + np.where(mask, 2.0, 0) if accumulate else np.where(mask, 2.0, start)
    got = index_put(bare, a(start), a(mask), a(2.0), accumulate)
    np.testing.assert_allclose(np.asarray(got), expected)
    none = index_put(bare, a(start), a(np.zeros((3, 4), dtype=bool)), a(2.0), accumulate)
    np.testing.assert_allclose(np.asarray(none), start)


@pytest.mark.parametrize("library_name", LIBRARIES)
@pytest.mark.parametrize("about", KEYS)
def test_basic_keys_and_their_adjoint(about: str, library_name: str) -> None:
    xp = library(arrays.import_namespace(LIBRARIES[library_name]))
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4))
    expected = x[KEYS[about]]
    g = rng.normal(size=expected.shape)
    got = xp.getitem(xp.native.asarray(x), KEYS[about])
    np.testing.assert_array_equal(np.asarray(got), expected)
    back = np.zeros_like(x)
    back[KEYS[about]] = g
    got = xp.getitem_adjoint(xp.native.asarray(g), key=KEYS[about], shape=(3, 4))
    np.testing.assert_array_equal(np.asarray(got), back)
    x[KEYS[about]] = g
    got = xp.setitem(xp.native.asarray(x), xp.native.asarray(g), key=KEYS[about])
    np.testing.assert_array_equal(np.asarray(got), x)


def test_overwritten_values_get_no_gradient() -> None:
    xp = library(arrays.import_namespace(LIBRARIES["numpy"]))
    key = (np.asarray([0, 2, 0]),)
    value_rule = OPS["setitem"].rules[1]
    assert value_rule is not None
    np.testing.assert_array_equal(value_rule(xp, np.asarray([1.0, 2.0, 3.0]), key=key), [0.0, 3.0, 1.0])


def test_every_room_is_read() -> None:
    for room in ROOMS:
        assert hasattr(xpgrad.rules, room)


@pytest.mark.parametrize("room", ROOMS)
def test_every_op_with_a_gradient_has_a_case(room: str) -> None:
    covered = {case.op for case in cases.load()}
    made = getattr(xpgrad.rules, room)
    rules = [(op.name, rule) for op in OPS.values() for rule in (*op.rules, op.joint) if rule is not None]
    here = {name for name, rule in rules if inspect.getmodule(rule) is made}
    # an adjoint is run by the second order of what it is adjoint to
    assert {name for name in here if not name.endswith("_adjoint")} - covered == set()
