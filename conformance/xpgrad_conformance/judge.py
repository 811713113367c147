"""What counts as equal, as missing, and as sharing memory."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import numpy as np


class Fault(Exception):
    """Something is wrong; the text says what."""


class Absent(Exception):
    """The library lacks a function; the text names it."""


def agree(found: Sequence[Any], expected: Sequence[Any], whose: str, tolerance: tuple[float, float]) -> None:
    """Raise unless arrays agree, up to `tolerance` of the largest number in each; None stands for zeros.

    Example:
        >>> import numpy as np
        >>> from xpgrad_conformance.judge import agree
        >>> agree([np.asarray([1.0, 2.0])], [np.asarray([1.0, 2.5])], "torch", (1e-9, 0.0))
        Traceback (most recent call last):
        xpgrad_conformance.judge.Fault: at [1] it is 2.0, by torch 2.5 (allowed 2.5e-09)
    """
    if len(found) != len(expected):
        raise Fault(f"there are {len(found)} results, by {whose} {len(expected)}")
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        if a is None and b is None:
            continue
        a = np.zeros_like(b) if a is None else a
        b = np.zeros_like(a) if b is None else b
        which = f"number {i} " if len(found) > 1 else ""
        if a.shape != b.shape:
            raise Fault(f"{which}has shape {a.shape}, by {whose} {b.shape}")
        finite = np.abs(b[np.isfinite(b)]) if b.dtype.kind in "fc" else np.abs(b.astype(float))
        allowed = tolerance[1] + tolerance[0] * float(np.max(finite, initial=0.0))
        same = (a == b) | (np.isnan(a) & np.isnan(b)) if b.dtype.kind in "fc" and a.dtype.kind in "fc" else a == b
        off = np.where(same, 0.0, np.abs(a.astype(complex) - b.astype(complex)))
        off = np.where(np.isnan(off), np.inf, off)
        if off.size and not float(np.max(off)) <= allowed:
            at = np.unravel_index(int(np.argmax(off)), off.shape)
            place = f"at [{', '.join(map(str, map(int, at)))}] it" if off.ndim else "it"
            raise Fault(f"{which}{place} is {a[at]}, by {whose} {b[at]} (allowed {allowed:.2g})")


def lacking(error: BaseException | None) -> str:
    """The function that a library lacks, if that is what an error tells; else an empty string."""
    while error is not None:
        if isinstance(error, NotImplementedError):
            return text_of(error)
        if isinstance(error, AttributeError) and isinstance(error.obj, types.ModuleType) and error.name:
            inside = error.obj.__name__.rpartition(".")[2]
            return f"{inside}.{error.name}" if inside in ("linalg", "fft") else error.name
        error = error.__cause__
    return ""


def text_of(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, Fault) else f"{type(error).__name__}: {text}"


def alias(inputs: Sequence[Any], outputs: Sequence[Any]) -> int | None:
    """The number of an input whose memory an output shares, among arrays that can be written to; else None."""
    try:
        there = [np.asarray(a) for a in inputs]
        found = [np.asarray(a) for a in outputs]
    except (TypeError, RuntimeError, ValueError):  # not on the host
        return None
    for i, a in enumerate(there):
        if a.size and a.flags.writeable and any(np.shares_memory(a, y) for y in found):
            return i
    return None
