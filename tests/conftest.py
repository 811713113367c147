"""What every test file shares: the installed backends, one thread for each worker, a fresh seed."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Generator, Iterator
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # workers of pytest-xdist share the cores
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402

import xpgrad  # noqa: E402
from xpgrad.backend import registered  # noqa: E402

BACKENDS = ("numpy", "jax", "torch", "strict")


def _skip_if_absent() -> Generator[None, Any, Any]:
    """What needs an array library that is not installed is skipped, and says which."""
    try:
        return (yield)
    except ModuleNotFoundError as error:
        if "needs a library that is not installed" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _skip_if_absent())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _skip_if_absent())


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each backend in turn, chosen for the test; skipped where its library is not installed."""
    name: str = request.param
    if not registered()[name].installed:
        pytest.skip(f"{name}: its library is not installed")
    with xpgrad.backend(name):
        yield name


@pytest.fixture(autouse=True)
def _seeded() -> None:
    xpgrad.manual_seed(0)


_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def _compiled_programs_go() -> None:
    """JAX keeps a program for every shape it met; without this a worker grows to gigabytes."""
    if next(_tests) % 100 == 0 and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
