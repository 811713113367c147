"""Operands: what is done with arguments that are not all arrays of one dtype, and what is said when a library refuses.

Tensors hold arrays; beside them an op may be handed bare arrays, Python's numbers, or None. Here they become what the
library takes, by the promotion of the standard and of PyTorch.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from . import arrays, devices, dtypes
from .op import Library, Op, device_of, library_of

Scalar = bool | int | float | complex
PYTHON = frozenset({bool, int, float, complex})


class ArgumentError(RuntimeError, ValueError):
    """Shapes or values that an op cannot take; a RuntimeError as in PyTorch, a ValueError as in NumPy."""


class ArgumentTypeError(RuntimeError, TypeError):
    """Dtypes or types that an op cannot take; a RuntimeError as in PyTorch, a TypeError as in NumPy."""


def python_number(value: Any) -> Scalar:
    """A number of another kind, such as NumPy's, as Python's; beside a Tensor it counts by its kind alone."""
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else complex(value)


def convert(op: Op, raw: list[Any]) -> Library:
    """Bring operands to what the library takes, in place in `raw`; returns the library.

    Raises:
        TypeError: if none is an array, or they are of different libraries.
    """
    found = [a for a in raw if a is not None and type(a) not in PYTHON]
    if not found:
        raise TypeError(f"{op.name}: at least one argument must be an array or a Tensor, got {describe(raw)}")
    xp = library_of(found[0])
    for a in found[1:]:
        if library_of(a) is not xp:
            raise TypeError(f"{op.name}: cannot mix arrays of {xp.backend.name} and {library_of(a).backend.name}; move "
                            f"one of them first, for example with .to_backend({xp.backend.name!r})")  # fmt: skip
    numeric = [i for i, a in enumerate(raw)
               if a is not None and not (len(op.args) == len(raw) and op.args[i] == "condition")]  # fmt: skip
    if op.promotes or op.floats:
        _promote(op, raw, numeric, xp)
    if op.operator is None:
        like = next((raw[i] for i in numeric if type(raw[i]) not in PYTHON), found[0])
        for i, a in enumerate(raw):
            if type(a) in PYTHON:
                raw[i] = xp.native.asarray(a, dtype=like.dtype, device=device_of(like))
    return xp


def _promote(op: Op, raw: list[Any], numeric: list[int], xp: Library) -> None:
    """Cast the arrays at the positions `numeric` to the dtype in which the op computes."""
    values = [raw[i] for i in numeric]
    common = dtypes.common([dtypes.from_native(a.dtype) for a in values if type(a) not in PYTHON],
                           [a for a in values if type(a) in PYTHON], floats=op.floats)  # fmt: skip
    if common is None:
        return
    wanted = dtypes.native(xp.native, common)
    for i, a in zip(numeric, values, strict=True):
        if type(a) not in PYTHON and a.dtype != wanted:
            raw[i] = xp.native.astype(a, wanted)


def refuse_complex(op: Op, raw: list[Any]) -> None:
    """Raise for complex operands of an op that orders numbers; some libraries would order them by their real parts.

    Raises:
        TypeError: if an operand is complex.
    """
    for a in raw:
        if isinstance(a, complex) or (hasattr(a, "dtype") and dtypes.is_complex(a.dtype)):
            raise ArgumentTypeError(f"{op.name}: not defined for complex numbers, got {describe(raw)}; "
                                    "take real, imag or abs first")  # fmt: skip


def native_params(xp: Library, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters with dtype and device in the library's own terms."""
    if "dtype" in params or "device" in params:
        params = dict(params)
        if "dtype" in params:
            params["dtype"] = dtypes.native(xp.native, params["dtype"])
        if "device" in params:
            params["device"] = devices.native(params["device"], xp.native, xp.backend)
    return params


def describe(values: list[Any]) -> str:
    """Operands as an error message shows them: dtype and shape."""
    parts = []
    for a in values:
        if type(a) in PYTHON or a is None:
            parts.append(repr(a))
        elif arrays.is_array(a):
            parts.append(f"{dtypes.from_native(a.dtype).name}{list(a.shape)}")
        else:
            parts.append(type(a).__name__)
    return ", ".join(parts)


def explained(op: Op, raw: list[Any], params: Mapping[str, Any], error: Exception) -> Exception:
    """The library's complaint, with the op and its arguments named."""
    if isinstance(error, IndexError | ArgumentError | ArgumentTypeError):
        return error
    kind = ArgumentTypeError if isinstance(error, TypeError) else ArgumentError
    given = "".join(f", {k}={v!r}" for k, v in params.items() if not arrays.is_array(v))
    return kind(f"{op.name}({describe(raw)}{given}): {error}")
