"""Timing side by side: every contender in turn, round after round, and the ratios of their medians.

A machine's speed drifts, so contenders are interleaved: each round times a few calls of each, and a figure is the
median over rounds. `products` finds the matrix products that a step makes and times them alone, in their own memory
layout: what a step could not go below with NumPy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import spying

Step = Callable[[], Any]


def compare(steps: Mapping[str, Step], rounds: int = 11, seconds: float = 0.03) -> dict[str, float]:
    """The median seconds of a call of each step, taken in turn `rounds` times.

    Args:
        steps: name -> a call that does one whole step, and waits for its result.
        rounds: how often each is timed.
        seconds: about how long one timing lasts; a short step is called several times.
    """
    counts = {}
    for name, step in steps.items():
        step()
        step()
        start = time.perf_counter()
        step()
        counts[name] = max(1, int(seconds / max(time.perf_counter() - start, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                step()
            times[name].append((time.perf_counter() - start) / counts[name])
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
