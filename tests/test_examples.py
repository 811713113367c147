"""The worked examples run, briefly, and every library finds the same numbers."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from types import ModuleType

import numpy as np
import pytest

import xpgrad
from xpgrad.check import check_grads

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("advection_diffusion", EXAMPLES / "advection_diffusion.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BRIEF = ("--size", "12", "--steps", "8", "--iterations", "4")


def test_every_library_gives_the_same_answer(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    names = [b for b in ("numpy", "jax", "torch") if importlib.util.find_spec(b)]
    found = example.main([*BRIEF, "--backend", *names])
    for parameters in found.values():
        np.testing.assert_allclose(parameters, found["numpy"], rtol=1e-9)
    assert "truth" in capsys.readouterr().out


def test_the_simulation_runs_on_bare_arrays_and_its_gradient_is_right(example: ModuleType) -> None:
    run = {"steps": 4, "snapshots": 2, "dt": 0.2}
    start, seen = example.observations(8, 0.0, **run)
    assert type(seen) is np.ndarray and seen.shape == (2, 8, 8)
    check_grads(lambda p, c: example.simulate(p, c, **run), (np.asarray(example.TRUTH), start))


def test_the_truth_is_found(example: ModuleType) -> None:
    run = {"steps": 16, "snapshots": 4, "dt": 2 / 16}
    start, seen = example.observations(16, 0.001, **run)
    found, losses = example.fit("numpy", start, seen, 80, **run)
    assert losses[-1] < 1e-3 * losses[0]
    np.testing.assert_allclose(found, example.TRUTH, atol=0.1)
    assert xpgrad.get_backend().name == "numpy"


def test_plot(example: ModuleType, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    example.main([*BRIEF, "--backend", "numpy", "--plot", str(tmp_path / "fit.png")])
    assert (tmp_path / "fit.png").stat().st_size > 10_000
