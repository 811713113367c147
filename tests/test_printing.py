"""A Tensor's text is PyTorch's, character for character."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpgrad import dtypes, printing
from xpgrad.printing import parameter_text, printoptions, tensor_text


def text(values, name="float32", **how):
    return tensor_text(np.asarray(values), dtypes.NAMED[name], **how)


# Recorded from torch 2.13: these hold without PyTorch.


@pytest.mark.parametrize("values, name, expected", [
    (1.5, "float32", "tensor(1.5000)"),
    (3, "float32", "tensor(3.)"),
    (3, "int64", "tensor(3)"),
    (True, "bool", "tensor(True)"),
    ([True, False], "bool", "tensor([ True, False])"),
    ([1.0, 2.0, -3.0], "float32", "tensor([ 1.,  2., -3.])"),
    ([1.0, 2.5], "float64", "tensor([1.0000, 2.5000], dtype=torch.float64)"),
    ([1, 2], "uint8", "tensor([1, 2], dtype=torch.uint8)"),
    ([1e-5, 1.0], "float32", "tensor([1.0000e-05, 1.0000e+00])"),
    ([1e9], "float32", "tensor([1.0000e+09])"),
    ([math.nan, math.inf, 1.0], "float32", "tensor([nan, inf, 1.])"),
    ([math.nan, -math.inf, 0.5], "float32", "tensor([   nan,   -inf, 0.5000])"),
    ([0.0, -0.0], "float32", "tensor([0., -0.])"),
    ([1 + 2j, 3 - 4j], "complex64", "tensor([1.+2.j, 3.-4.j])"),
    ([0.5, 1.0], "bfloat16", "tensor([0.5000, 1.0000], dtype=torch.bfloat16)"),
    ([], "float32", "tensor([])"),
    ([], "int64", "tensor([], dtype=torch.int64)"),
    (np.zeros((0, 3)), "float32", "tensor([], size=(0, 3))"),
    (np.zeros((2, 0)), "int64", "tensor([], size=(2, 0), dtype=torch.int64)"),
    ([[1.0, 2.0], [3.0, 4.0]], "float32", "tensor([[1., 2.],\n        [3., 4.]])"),
    ([[[1], [2]], [[3], [4]]], "int64", "tensor([[[1],\n         [2]],\n\n        [[3],\n         [4]]])"),
    (np.arange(2000), "int64", "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
])  # fmt: skip
def test_recorded(values, name, expected):
    assert text(values, name) == expected


def test_suffixes():
    assert text([1.0], grad_fn_name="AddBackward0", requires_grad=True) == "tensor([1.], grad_fn=<AddBackward0>)"
    assert text([1.0], requires_grad=True) == "tensor([1.], requires_grad=True)"
    assert text([1.0], device="cuda:0") == "tensor([1.], device='cuda:0')"
    assert text([1.0], "float64", default_dtype=dtypes.float64) == "tensor([1.])"
    assert text([1j], "complex128", default_dtype=dtypes.float64) == "tensor([0.+1.j])"
    assert text([1.0], default_dtype=dtypes.float64) == "tensor([1.], dtype=torch.float32)"
    assert text([], "float64", requires_grad=True) == "tensor([], dtype=torch.float64, requires_grad=True)"
    wide = text(np.full(8, 0.12345), requires_grad=True)
    assert wide.endswith("0.1235],\n       requires_grad=True)")
    assert parameter_text(text([2.0], requires_grad=True)) == "Parameter containing:\ntensor([2.], requires_grad=True)"


def test_large_arrays_are_cut_before_they_are_listed():
    class Watched:
        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def __getitem__(self, key):
            return Watched(self.array[key])

        def tolist(self):
            assert self.array.size <= 6
            return self.array.tolist()

    array = np.zeros((500, 400, 300), np.float32)
    shown = tensor_text(Watched(array), dtypes.float32)
    assert shown.startswith("tensor([[[0., 0., 0.,  ..., 0., 0., 0.],\n") and shown.count("...,\n") == 7


def test_options():
    before = printing.get_printoptions()
    with printoptions(precision=2, sci_mode=True):
        assert text([1.0, 2.5]) == "tensor([1.00e+00, 2.50e+00])"
    with printoptions(threshold=3, edgeitems=1):
        assert text([1, 2, 3, 4], "int64") == "tensor([1,  ..., 4])"
    with printoptions(profile="short"):
        assert text([1.12345]) == "tensor([1.12])"
        assert text(np.arange(1001), "int64") == "tensor([   0,    1,  ...,  999, 1000])"
    assert printing.get_printoptions() == before
    with pytest.raises(ValueError, match="unknown profile 'long'"):
        printing.set_printoptions(profile="long")


# Against PyTorch.


def compare(torch, array, name, options, requires_grad=False):
    """Print the same numbers here and there."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).reshape(array.shape).to(getattr(torch, name))
    if requires_grad and (tensor.is_floating_point() or tensor.is_complex()):
        tensor.requires_grad_()
    host = tensor.detach().float().numpy() if name in ("float16", "bfloat16") else tensor.detach().numpy()
    with printoptions(**options), torch_options(torch, options):
        assert tensor_text(host, dtypes.NAMED[name], requires_grad=tensor.requires_grad) == repr(tensor)
        if tensor.requires_grad and not tensor.is_complex():
            made = tensor * 1
            assert tensor_text(host, dtypes.NAMED[name], grad_fn_name="MulBackward0", requires_grad=True) == repr(made)
            parameter = torch.nn.Parameter(tensor.detach())
            assert parameter_text(tensor_text(host, dtypes.NAMED[name], requires_grad=True)) == repr(parameter)


@contextlib.contextmanager
def torch_options(torch, options):
    torch.set_printoptions(profile="default", **options)
    try:
        yield
    finally:
        torch.set_printoptions(profile="default")


FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -2.0, 1000.0, 0.5, math.inf, -math.inf, math.nan, 1e8, 1e-4, 1.00005e8, 12345.6]),
    st.integers(-2000, 2000).map(float),
    st.floats(-100, 100, width=32),
    st.floats(width=32),
)
ELEMENTS = {
    "bool": st.booleans(),
    "uint8": st.integers(0, 255),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.one_of(st.integers(-9, 9), st.integers(-(2**63), 2**63 - 1)),
    "float16": FLOATS,
    "bfloat16": FLOATS,
    "float32": FLOATS,
    "float64": st.one_of(FLOATS, st.floats()),
    "complex64": st.builds(complex, FLOATS, FLOATS),
    "complex128": st.builds(complex, FLOATS, FLOATS),
}
HELD = {"float16": "float32", "bfloat16": "float32"}
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.integers(0, 40),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(10, 130),
        "sci_mode": st.sampled_from([True, False, None]),
    },
)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(ELEMENTS)), options=OPTIONS, requires_grad=st.booleans())
def test_like_pytorch(data, name, options, requires_grad):
    torch = pytest.importorskip("torch")
    shape = tuple(data.draw(st.lists(st.integers(0, 9), max_size=4).filter(lambda s: math.prod(s) <= 300)))
    pool = data.draw(st.lists(ELEMENTS[name], min_size=1, max_size=12))
    with np.errstate(over="ignore"):
        array = np.resize(np.array(pool, dtype=HELD.get(name, name)), shape)
    compare(torch, array, name, options, requires_grad)


@pytest.mark.parametrize("shape", [(1001,), (40, 40), (2, 3, 400), (7, 7, 7, 7), (1000,), (3, 500)])
@pytest.mark.parametrize("scale", [1, 1e-6, 1e5])
def test_large_like_pytorch(shape, scale):
    torch = pytest.importorskip("torch")
    array = (np.random.default_rng(0).standard_normal(shape) * scale).astype(np.float32)
    compare(torch, array, "float32", {}, True)
    compare(torch, array, "float64", {})
