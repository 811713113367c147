"""PyTorch's database of its modules: every entry agrees, and one sample of each runs alike on every library."""

from __future__ import annotations

import pathlib
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.backend import registered

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracles"))

import torch_modules  # noqa: E402
from torch_ops import chosen, host, tensors  # noqa: E402

SAMPLES = 24  # of an entry; `python tests/oracles/torch_modules.py` runs all
ENTRIES = {torch_modules.label(entry): entry for entry in torch_modules.entries()}
OTHERS = ("jax", "torch", "strict")


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str) -> None:
    """No sample differs, but for a deviation that is written down."""
    result = torch_modules.run(ENTRIES[name], SAMPLES)
    if result == "absent":
        pytest.skip("xpgrad has no such module")
    assert not result.startswith("FAIL"), result


def test_enough_of_the_database_is_there() -> None:
    assert sum(torch_modules.resolve(entry) is not None for entry in ENTRIES.values()) >= 90


def _computed(entry: Any, sample: Any, state: dict[str, Any], backend: str) -> tuple[list[Any], list[Any]]:
    """Results of a sample, and gradients of inputs and parameters, with the parameters given."""
    made: dict[int, Any] = {}
    with xpgrad.backend(backend):
        args, kwargs = torch_modules.given(sample.constructor_input, made)
        module = torch_modules.resolve(entry)(*args, **kwargs).to(xpgrad.float64)
        module.load_state_dict({k: chosen(v) for k, v in state.items()})
        args, kwargs = torch_modules.given(sample.forward_input, made)
        out = [t for t in tensors(module(*args, **kwargs), xpgrad.Tensor) if t.dtype.is_floating_point]
        leaves = [t for t in made.values() if t.requires_grad] + [p for p in module.parameters() if p.requires_grad]
        with_grad = [t for t in out if t.requires_grad]
        weights = [chosen(np.cos(np.arange(int(t.size), dtype="float64")).reshape(t.shape)) for t in with_grad]
        grads = xpgrad.autograd.grad(with_grad, leaves, weights, allow_unused=True) if with_grad and leaves else []
        assert all(t.library.backend.name == backend for t in out)
        return [host(t) for t in out], [None if g is None else host(g) for g in grads]


@pytest.mark.parametrize("name", ENTRIES)
def test_every_library_computes_the_same(name: str) -> None:
    """The first sample's results and gradients on other libraries are those on NumPy."""
    entry = ENTRIES[name]
    if torch_modules.resolve(entry) is None:
        pytest.skip("xpgrad has no such module")
    torch.manual_seed(0)
    sample = next(iter(torch_modules.samples(entry, True)))
    built = sample.constructor_input
    theirs = entry.module_cls(*built.args, **built.kwargs).to(torch.float64)
    state = {k: np.array(host(v)) for k, v in theirs.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = _computed(entry, sample, state, "numpy")
        for backend in (b for b in OTHERS if registered()[b].installed):
            found = _computed(entry, sample, state, backend)
            for what, ours, given in zip(("result", "gradient"), found, expected, strict=True):
                for a, b in zip(given, ours, strict=True):
                    if a is None or b is None:
                        assert all(v is None or not v.any() for v in (a, b)), f"{backend}: a {what} is absent"
                        continue
                    assert a.shape == b.shape and a.dtype == b.dtype, f"{backend}: {what} {b.dtype}{b.shape}"
                    np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9, err_msg=f"{backend}: {what}")
