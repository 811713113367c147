"""What is examined: a library on a device, its precisions, and a second device beside it."""

from __future__ import annotations

import dataclasses

import numpy as np

from .evaluate import Place, place
from .run import Subject


def subject(library: str, device: str | None, tellers: tuple[str, ...], order: int, seed: int) -> Subject:
    """The subject of a run; see `Subject` for what it holds.

    Raises:
        ValueError, ModuleNotFoundError, RuntimeError: as `place` does.
        TypeError: if what was imported is no array namespace.
    """
    at = place(library, device)
    sample = at.put(np.zeros(1, dtype="float32"))
    try:
        unreadable = at.host(sample).dtype.kind == "O"
        shapes_only = False
    except (NotImplementedError, RuntimeError, ValueError, TypeError):
        if device is None:
            raise
        unreadable, shapes_only = False, True
    if unreadable:
        raise TypeError("NumPy cannot read its arrays, which have neither __array__ nor __dlpack__; register a Backend "
                        "that has to_numpy")  # fmt: skip
    return Subject(at, at if device is not None else _second(at), tellers, order, seed, shapes_only)


def _second(at: Place) -> Place:
    """The place on the library's second device, if it has one that holds float32; else its only one."""
    devices = list(at.backend.devices(at.native))
    return dataclasses.replace(at, device=devices[1]) if len(devices) > 1 else at


def dtypes(at: Place) -> list[str]:
    """The floating-point and complex dtypes that the library has on the device."""
    names = ("float32", "float64", "complex64", "complex128")
    there = []
    for name in names:
        try:
            made = at.put(np.zeros(1, dtype=name))
        except Exception:
            continue
        there += [name] if made.dtype.name == name else []
    return there
