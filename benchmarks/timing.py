"""Timing side by side: every contender in turn, round after round, and the ratios of their medians.

A machine's speed drifts, so contenders are interleaved: each round times a few calls of each, and a figure is the
median over rounds. A call that is not timed comes first each time, since in use a step follows a step of its own kind
and not what another contender has left in the caches. `products` finds the matrix products that a step makes and times
them alone, in their own memory layout: what a step could not go below with NumPy.
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import spying

Step = Callable[[], Any]


class Apart:
    """A step in a process of its own. With several threads a library has a pool of them, which look for work a while
    longer. In one process two pools are in each other's way: ratios of one pair were 0.1 in one run and 2 in the next.
    So there is a pause, too, before the other's turn.

    Args:
        library: its name to import. network, args: a function of `networks`, and what it takes after the library.
    """

    def __init__(self, library: str, network: str, *args: Any) -> None:
        command = [sys.executable, __file__, library, network, json.dumps(args)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def timed(self, count: int) -> float:
        """The seconds of a call, by `count` calls."""
        assert self._process.stdin is not None and self._process.stdout is not None
        time.sleep(0.2)
        print(count, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def _timed(step: Step | Apart, count: int) -> float:
    if isinstance(step, Apart):
        return step.timed(count)
    step()
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def compare(steps: Mapping[str, Step | Apart], rounds: int = 11, seconds: float = 0.03) -> dict[str, float]:
    """The median seconds of a call of each step, taken in turn `rounds` times.

    Args:
        steps: name -> a call that does one whole step, and waits for its result.
        rounds: how often each is timed.
        seconds: about how long one timing lasts; a short step is called several times.
    """
    counts = {}
    for name, step in steps.items():
        _timed(step, 1)
        counts[name] = max(1, int(seconds / max(_timed(step, 1), 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(_timed(step, counts[name]))
    return {name: statistics.median(t) for name, t in times.items()}


def _like(shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any) -> Any:
    """Random numbers that lie in memory as an array of these strides did."""
    extent = sum((n - 1) * abs(s) for n, s in zip(shape, strides, strict=True)) // dtype.itemsize + 1
    memory = np.random.default_rng(0).standard_normal(extent).astype(dtype)
    return np.lib.stride_tricks.as_strided(memory, shape, tuple(abs(s) for s in strides))


def products(step: Step) -> Step:
    """The matrix products of `step`, run on spying arrays, and nothing else; on random numbers in the same memory
    layout."""
    spying.products.clear()
    step()
    pairs = [tuple(_like(x.shape, x.strides, x.dtype) for x in pair) for pair in spying.products]
    spying.products.clear()

    def multiply() -> None:
        for a, b in pairs:
            a @ b

    return multiply


def serve(library: str, network: str, args: str) -> None:
    """Answer an `Apart`: time as many calls as each line says."""
    import networks

    lib = importlib.import_module(library)
    for part in ("nn", "optim"):
        importlib.import_module(f"{library}.{part}")
    step = getattr(networks, network)(lib, *json.loads(args))
    for line in sys.stdin:
        print(_timed(step, int(line)), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
