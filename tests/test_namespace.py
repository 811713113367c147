"""The namespace of Tensors against the standard's own list: every name, with its signature, on every library.

The list is `standard.py`, which is the standard's text. Behaviour that the public suite of the standard covers (see
docs/array-api-tests.md) is not repeated here; this file keeps the promises that are xpgrad's own.
"""

from __future__ import annotations

import inspect
import math
import operator
import types
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import standard
from xpgrad.dtypes import NAMED

SIGNATURES = standard.signatures()
ATTRIBUTES = ("dtype", "device", "mT", "ndim", "shape", "size", "T")
METHODS = (
    "__abs__", "__array_namespace__", "__bool__", "__complex__", "__dlpack__", "__dlpack_device__", "__float__",
    "__getitem__", "__index__", "__int__", "__invert__", "__neg__", "__pos__", "__setitem__", "to_device",
)  # fmt: skip
COMPARISONS = ("eq", "ge", "gt", "le", "lt", "ne")
ARITHMETIC = ("add", "floordiv", "mod", "mul", "pow", "sub", "truediv")
BITS = ("and", "lshift", "or", "rshift", "xor")
SPECIAL = ("erf", "erfc", "expit", "logit", "gammaln", "digamma", "log_ndtr", "xlogy")


def at(namespace: Any, name: str) -> Any:
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


# -- coverage --


@pytest.mark.parametrize("name", SIGNATURES)
def test_function_has_the_standards_signature(name: str) -> None:
    found = at(xpgrad.array_namespace("numpy"), name)
    assert callable(found) and found.__name__ == name.rpartition(".")[2]
    ours = [(p.name, p.kind, p.default) for p in inspect.signature(found).parameters.values()]
    assert ours == [(p.name, p.kind, p.default) for p in SIGNATURES[name].parameters.values()]


@pytest.mark.parametrize("name", [n for n in SIGNATURES if n != "__array_namespace_info__"])
def test_function_refuses_an_unknown_keyword(name: str) -> None:
    xp = xpgrad.array_namespace("numpy")
    takes = {
        "arange": (3,), "empty": (2,), "eye": (2,), "full": (2, 1.0), "linspace": (0.0, 1.0, 3), "ones": (2,),
        "zeros": (2,),
        "can_cast": (xp.int8, xp.int16), "finfo": (xp.float32,), "iinfo": (xp.int8,), "isdtype": (xp.int8, "integral"),
        "broadcast_shapes": ((2,), (1,)), "fft.fftfreq": (3,), "fft.rfftfreq": (3,), "concat": ([xp.ones(2)],),
        "stack": ([xp.ones(2)],), "meshgrid": (xp.ones(2),), "broadcast_arrays": (xp.ones(2),),
        "result_type": (xp.int8,),
    }  # fmt: skip
    square = xp.eye(3) * 2
    needed = [p for p in SIGNATURES[name].parameters.values() if p.default is p.empty]
    arguments = takes.get(name, (square,) * len(needed))
    with pytest.raises(TypeError, match="no_such_keyword"):
        at(xp, name)(*arguments, no_such_keyword=1)


def test_namespace_lists_what_it_has(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert set(dir(xp)) >= {n for n in SIGNATURES if "." not in n}
    assert set(dir(xp)) >= {*standard.CONSTANTS, *standard.DTYPES, "linalg", "fft"}
    assert set(dir(xp.linalg)) >= {n.removeprefix("linalg.") for n in SIGNATURES if n.startswith("linalg.")}
    assert set(dir(xp.fft)) >= {n.removeprefix("fft.") for n in SIGNATURES if n.startswith("fft.")}
    for name in (*SIGNATURES, *standard.CONSTANTS, *standard.DTYPES):
        at(xp, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = xp.no_such_name


def test_constants_and_dtypes(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert (xp.e, xp.pi, xp.inf, xp.newaxis) == (math.e, math.pi, math.inf, None) and math.isnan(xp.nan)
    for name in standard.DTYPES:
        assert getattr(xp, name) is NAMED[name]
        assert xp.zeros(1, dtype=getattr(xp, name)).dtype is NAMED[name]


def test_tensor_has_the_standards_attributes_and_methods() -> None:
    for name in (*ATTRIBUTES, *METHODS):
        assert hasattr(xpgrad.Tensor, name), name
    for symbol in (*COMPARISONS, *ARITHMETIC, *BITS, "matmul"):
        assert hasattr(xpgrad.Tensor, f"__{symbol}__"), symbol
        if symbol not in COMPARISONS:
            assert hasattr(xpgrad.Tensor, f"__r{symbol}__") and hasattr(xpgrad.Tensor, f"__i{symbol}__"), symbol


def test_versions(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.ones(2)
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
        assert x.__array_namespace__(api_version=version) is xp
    with pytest.raises(ValueError, match=r"'1999\.01' is not known"):
        x.__array_namespace__(api_version="1999.01")
    assert xp.__array_api_version__ == "2025.12" and backend in xp.__name__


def test_one_namespace_for_each_library(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert xpgrad.array_namespace(xp.ones(1)) is xp
    assert xpgrad.array_namespace(xp.ones(1).array) is xp
    assert xpgrad.array_namespace(xpgrad.get_backend().load()) is xp


# -- info --


def test_info(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    info = xp.__array_namespace_info__()
    assert {"boolean indexing", "data-dependent shapes", "max dimensions"} <= set(info.capabilities())
    assert info.default_device() in info.devices() and isinstance(info.devices(), tuple)
    assert info.default_dtypes()["real floating"] is xp.empty(0).dtype
    everything = info.dtypes()
    left_out = {"uint16", "uint32", "uint64"} if backend == "torch" else set()  # array-api-compat does not list them
    assert set(standard.DTYPES) <= set(everything) | left_out
    assert info.dtypes(kind="bool") == {"bool": xpgrad.bool}
    assert set(info.dtypes(kind=("bool", "complex floating"))) == {"bool", "complex64", "complex128"}
    for device in info.devices():
        for dtype in info.dtypes(device=device).values():
            assert xp.empty(1, dtype=dtype, device=device).dtype is dtype


def test_limits(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    found = xp.finfo(xp.float32)
    assert (found.bits, found.dtype) == (32, xpgrad.float32)
    assert (type(found.eps), found.eps, found.max) == (float, 2.0**-23, float(np.finfo(np.float32).max))
    assert xp.finfo(xp.complex128).dtype is xpgrad.float64
    assert xp.finfo(xp.ones(1, dtype=xp.float64)).smallest_normal == float(np.finfo(np.float64).smallest_normal)
    assert (xp.iinfo(xp.uint8).max, xp.iinfo(xp.ones(1, dtype=xp.int16)).min) == (255, -(2**15))
    assert xp.iinfo(xp.int64).dtype is xpgrad.int64


# -- dtypes --


def test_dtypes_are_the_same_objects_on_every_library(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert xp.float64 is xpgrad.array_namespace("numpy").float64 is xpgrad.float64
    assert xp.ones(1, dtype=xp.float64).dtype == xpgrad.ones(1, dtype=xpgrad.float64).dtype
    assert xp.ones(1, dtype=xp.float64).dtype != xp.float32


def test_result_type_can_cast_and_isdtype(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert xp.result_type(xp.float32, xp.ones(1, dtype=xp.float64)) is xpgrad.float64
    assert xp.result_type(xp.ones(1, dtype=xp.int8), xp.uint8) is xpgrad.int16
    assert xp.result_type(xp.ones(1, dtype=xp.float32), 1.0) is xpgrad.float32
    assert xp.can_cast(xp.float32, xp.float64) and not xp.can_cast(xp.ones(1, dtype=xp.float64), xp.int8)
    assert xp.isdtype(xp.float32, "real floating") and not xp.isdtype(xp.float32, "integral")
    assert xp.isdtype(xp.int8, ("bool", xp.int8))


# -- in and out --


def test_asarray(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert xp.asarray([[1, 2], [3, 4]]).dtype is xpgrad.int64
    assert xp.asarray(2.5).shape == () and xp.asarray([True]).dtype is xpgrad.bool
    assert xp.asarray([1, 2], dtype=xp.float32).dtype is xpgrad.float32
    assert xp.asarray([1j]).dtype.is_complex
    x = xp.asarray([1.0, 2.0])
    assert xp.asarray(x) is x and xp.asarray(x, copy=True) is not x
    assert xp.asarray(x.array).tolist() == [1.0, 2.0]
    assert xp.asarray([x[0], 3.0]).tolist() == [1.0, 3.0]
    assert xp.asarray(x, dtype=xp.int32).dtype is xpgrad.int32
    assert xp.asarray([]).shape == (0,)


def test_asarray_keeps_the_graph(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray([1.0, 2.0]).requires_grad_()
    y = xp.asarray(x, dtype=xp.float32, copy=True)
    xp.sum(y * y).backward()
    assert x.grad.dtype is x.dtype and x.grad.tolist() == [2.0, 4.0]


def test_nothing_that_is_not_recorded_takes_a_tensor_that_requires_grad(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray(2.0, dtype=xp.float64).requires_grad_()
    for lose in (lambda: xp.asarray([x, 1.0]), lambda: xp.full((2,), x), lambda: xp.full_like(x, x),
                 lambda: xp.linspace(0.0, x, 3), lambda: xp.from_dlpack(x)):  # fmt: skip
        with pytest.raises(RuntimeError, match="detach"):
            lose()
    assert xp.ones_like(x).item() == 1.0 and xp.full_like(x, 3.0).item() == 3.0
    assert xp.asarray([x.detach(), 1.0]).tolist() == [2.0, 1.0]


def test_asarray_refuses(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    pytest.importorskip("array_api_strict")
    other = xpgrad.array_namespace("strict" if backend != "strict" else "numpy")
    with pytest.raises(TypeError, match="to_backend"):
        xp.asarray(other.ones(2))
    with pytest.raises(ValueError, match="without a copy"):
        xp.asarray(xp.ones(2, dtype=xp.float64), dtype=xp.float32, copy=False)


def test_lists_stand_for_tuples_in_parameters(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.ones((2, 3))
    assert xp.reshape(x, [3, 2]).shape == (3, 2) and xp.permute_dims(x, [1, 0]).shape == (3, 2)


def test_dlpack(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray([1.0, 2.0])
    assert xp.from_dlpack(x).tolist() == [1.0, 2.0]
    if backend != "jax":
        assert np.from_dlpack(x).tolist() == [1.0, 2.0]
    assert tuple(x.__dlpack_device__())[1] == 0
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="detach"):
        x.__dlpack__()


def test_numpy_never_detaches_in_silence(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray([1.0, 2.0])
    assert np.asarray(x).tolist() == [1.0, 2.0] and np.asarray(x, dtype="float32").dtype == np.float32
    x.requires_grad_()
    for leave in (np.asarray, np.sin, np.sum, lambda t: np.add(t, 1)):
        with pytest.raises((RuntimeError, TypeError)):
            leave(x)
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(x)


# -- operators --


def test_numpys_scalars_and_arrays_leave_the_operator_to_the_tensor() -> None:
    t = xpgrad.array_namespace("numpy").asarray([1.0, 2.0]).requires_grad_()
    for left in (np.float64(2), np.int64(2), np.float32(2), np.asarray(2.0), np.asarray([2.0, 2.0])):
        for out in (left * t, t * left):
            assert isinstance(out, xpgrad.Tensor) and out.requires_grad and out.tolist() == [2.0, 4.0]
        assert isinstance(left - t, xpgrad.Tensor) and (left - t).tolist() == [1.0, 0.0]
        assert isinstance(left < t, xpgrad.Tensor) and (left < t).tolist() == [False, False]
    assert (np.eye(2) @ t).tolist() == [1.0, 2.0]
    array = np.asarray([1.0, 1.0])
    array = array + t
    assert isinstance(array, xpgrad.Tensor)


def test_numpys_scalars_count_as_pythons_on_every_library(backend: str) -> None:
    t = xpgrad.array_namespace(backend).ones(2, dtype=xpgrad.float32)
    for scalar in (np.float64(2), np.float32(2), np.int64(2)):
        assert (scalar * t).dtype is xpgrad.float32 and (t / scalar).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("symbol", [*ARITHMETIC, *BITS, "matmul"])
def test_operators_in_all_three_forms(symbol: str, backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    dtype = xp.int64 if symbol in BITS else xp.float64
    a = xp.asarray([[5, 3], [2, 1]], dtype=dtype)
    b = xp.asarray([[2, 1], [1, 2]], dtype=dtype)
    name = symbol + "_" if symbol in ("and", "or") else symbol
    expected = getattr(operator, name)(np.asarray(a), np.asarray(b)).tolist()
    assert getattr(operator, name)(a, b).tolist() == expected
    assert getattr(a, f"__{symbol}__")(b).tolist() == expected
    assert getattr(b, f"__r{symbol}__")(a).tolist() == expected
    c = xp.asarray(a, copy=True)
    same = c
    c = getattr(operator, f"i{symbol}")(c, b)
    assert c is same and c.tolist() == expected
    if symbol != "matmul":
        scalar = 2 if symbol in BITS else 2.0
        assert getattr(operator, name)(a, scalar).tolist() == getattr(operator, name)(np.asarray(a), scalar).tolist()
        assert getattr(operator, name)(scalar, a).tolist() == getattr(operator, name)(scalar, np.asarray(a)).tolist()
    assert getattr(a, f"__{symbol}__")("text") is NotImplemented


@pytest.mark.parametrize("symbol", COMPARISONS)
def test_comparisons(symbol: str, backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    a, b = xp.asarray([1.0, 2.0, 3.0]), xp.asarray([2.0, 2.0, 2.0])
    compare = getattr(operator, symbol)
    out = compare(a, b)
    assert out.dtype is xpgrad.bool and out.tolist() == compare(np.asarray(a), np.asarray(b)).tolist()
    assert compare(2.0, a).tolist() == compare(2.0, np.asarray(a)).tolist()


def test_conversions_to_python(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    assert (int(xp.asarray(3)), float(xp.asarray(2.5)), complex(xp.asarray(1j))) == (3, 2.5, 1j)
    assert bool(xp.asarray(True)) is True
    assert [10, 20, 30][xp.asarray(2)] == 30
    assert (+xp.asarray(-1.0)).item() == -1.0 and abs(xp.asarray(-2)).item() == 2
    assert (~xp.asarray(True)).item() is False
    with pytest.raises((RuntimeError, TypeError)):
        float(xp.ones(2))


# -- shapes at the edge --


def test_empty_and_0d(backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    for shape in ((), (0,), (2, 0), (0, 3)):
        x = xp.ones(shape).requires_grad_()
        y = xp.sum(xp.exp(x) * 2.0)
        y.backward()
        assert x.grad.shape == shape and y.shape == ()
        assert (x.ndim, x.size) == (len(shape), math.prod(shape))
    assert xp.concat([xp.ones((0, 2)), xp.ones((3, 2))]).shape == (3, 2)
    assert xp.reshape(xp.asarray(1.0), (1, 1)).mT.shape == (1, 1)


# -- special functions --


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_scipys(name: str, backend: str) -> None:
    special = pytest.importorskip("scipy.special")
    xp = xpgrad.array_namespace(backend)
    points = np.linspace(0.05, 0.95, 7)
    arguments = [points, points[::-1].copy()][: 2 if name == "xlogy" else 1]
    tensors = [xp.asarray(a.tolist(), dtype=xp.float64).requires_grad_() for a in arguments]
    out = at(xp, f"special.{name}")(*tensors)
    np.testing.assert_allclose(np.asarray(out.detach()), getattr(special, name)(*arguments), rtol=1e-12)
    xp.sum(out).backward()
    for i, t in enumerate(tensors):
        step = np.zeros(1) + 1e-6
        moved = [[a + s * step if i == j else a for j, a in enumerate(arguments)] for s in (1, -1)]
        slope = (getattr(special, name)(*moved[0]) - getattr(special, name)(*moved[1])) / (2 * step)
        np.testing.assert_allclose(np.asarray(t.grad), slope, rtol=1e-7)


def test_special_says_what_it_lacks() -> None:
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = xpgrad.array_namespace("numpy").special.no_such_function


# -- mixing --


def test_two_libraries_do_not_mix() -> None:
    pytest.importorskip("array_api_strict")
    ours, theirs = xpgrad.array_namespace("numpy").ones(2), xpgrad.array_namespace("strict").ones(2)
    for mix in (operator.add, operator.matmul, lambda a, b: a.__array_namespace__().where(a > 0, a, b)):
        with pytest.raises(TypeError, match=r"cannot mix arrays of numpy and strict; move one.*to_backend"):
            mix(ours, theirs)
    with pytest.raises(TypeError, match="cannot mix"):
        xpgrad.array_namespace("numpy").concat([ours, theirs])


def test_two_devices_do_not_mix() -> None:
    pytest.importorskip("array_api_strict")
    xp = xpgrad.array_namespace("strict")
    here = xp.ones(2, dtype=xp.float32)
    there = xp.ones(2, dtype=xp.float32, device=xp.__array_namespace_info__().devices()[1])
    assert here.device != there.device
    for mix in (operator.add, operator.mul, xp.hypot, lambda a, b: xp.where(a > 0, a, b), lambda *ab: xp.concat(ab)):
        with pytest.raises((RuntimeError, TypeError), match=r"[dD]evice"):
            mix(here, there)
    assert (here + here).device == here.device and (there + there).device == there.device
    moved = there.to_device(here.device)
    assert (here + moved).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("name", sorted(standard.REAL_ONLY))
def test_complex_into_a_real_only_function(name: str, backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray([1 + 1j, 2.0])
    arguments = (x, x) if "x2" in SIGNATURES[name].parameters else (x,)
    with pytest.raises(TypeError, match=rf"{name}: not defined for complex numbers"):
        getattr(xp, name)(*arguments, **({"min": 0.0} if name == "clip" else {}))


# -- a library that nobody registered --


class _OwnArray:
    """A read-only array of a small library of its own, made of NumPy's."""

    def __init__(self, inner: Any) -> None:
        self.inner = np.asarray(inner)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return own

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "dtype", "ndim", "size", "device", "__dlpack__", "__dlpack_device__"):
            return getattr(self.inner, name)
        raise AttributeError(name)

    def __getitem__(self, key: Any) -> Any:
        return _OwnArray(self.inner[_inside(key)])

    __bool__ = lambda self: bool(self.inner)
    __float__ = lambda self: float(self.inner)
    __int__ = lambda self: int(self.inner)
    __complex__ = lambda self: complex(self.inner)
    __neg__ = lambda self: _OwnArray(-self.inner)
    __abs__ = lambda self: _OwnArray(abs(self.inner))
    __array__ = lambda self, dtype=None, copy=None: np.asarray(self.inner, dtype=dtype)


def _inside(value: Any) -> Any:
    if isinstance(value, _OwnArray):
        return value.inner
    return type(value)(map(_inside, value)) if isinstance(value, list | tuple) else value


def _outside(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _OwnArray(value)
    return type(value)(map(_outside, value)) if type(value) in (list, tuple) else value


def _lifted(function: Any) -> Any:
    return lambda *a, **k: _outside(function(*map(_inside, a), **{n: _inside(v) for n, v in k.items()}))


for _symbol in (*ARITHMETIC, *COMPARISONS, *BITS, "matmul"):
    _compute = getattr(operator, _symbol + "_" if _symbol in ("and", "or") else _symbol)
    setattr(_OwnArray, f"__{_symbol}__", _lifted(_compute))
    setattr(_OwnArray, f"__r{_symbol}__", _lifted(lambda a, b, _compute=_compute: _compute(b, a)))


def _own_namespace() -> types.ModuleType:
    import array_api_compat.numpy as inner

    module = types.ModuleType("own")
    module.__array_api_version__ = "2025.12"  # type: ignore[attr-defined]
    for name in SIGNATURES:
        parent, _, leaf = name.rpartition(".")
        if hasattr(at(inner, parent) if parent else inner, leaf):
            target = module if not parent else module.__dict__.setdefault(parent, types.SimpleNamespace())
            keep = name in ("__array_namespace_info__", "finfo", "iinfo", "isdtype", "can_cast")
            setattr(target, leaf, at(inner, name) if keep else _lifted(at(inner, name)))
    for name in (*standard.CONSTANTS, *standard.DTYPES):
        setattr(module, name, getattr(inner, name))
    return module


own = _own_namespace()


def test_a_library_that_nobody_registered() -> None:
    x = xpgrad.tensor(_OwnArray([1.0, 2.0, 3.0]), requires_grad=True)
    xp = xpgrad.array_namespace(x)
    assert type(x.array) is _OwnArray and "own" in xp.__name__
    picked = xp.take(x * x, xp.asarray([0, 2, 2]))
    y = xp.sum(xp.exp(picked) / 10.0) + x[1] ** 3 + xp.linalg.vector_norm(x)
    (g,) = xpgrad.autograd.grad(y, x, create_graph=True)
    assert type(g.array) is _OwnArray
    norm = math.sqrt(14)
    expected = [0.2 * math.e + 1 / norm, 12 + 2 / norm, 2 * 0.6 * math.exp(9) + 3 / norm]
    np.testing.assert_allclose(np.asarray(g.detach()), expected, rtol=1e-12)
    (h,) = xpgrad.autograd.grad(g[1], x)
    np.testing.assert_allclose(np.asarray(h), [-2 / norm**3, 12 + 1 / norm - 4 / norm**3, -6 / norm**3], rtol=1e-12)


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a Tensor, an array"):
        xpgrad.array_namespace(object())
    with pytest.raises(TypeError, match="str is not an array of a library"):
        xpgrad.array_namespace("numpy").sin("text")


def test_strict_is_really_strict() -> None:
    """The strict backend computes on array-api-strict's arrays, so what the standard leaves out is an error there."""
    array_api_strict = pytest.importorskip("array_api_strict")
    assert type(xpgrad.array_namespace("strict").ones(1).array) is type(array_api_strict.ones(1))
