"""Comparisons for tests: ``xpgrad.testing.assert_close``, with PyTorch's tolerances and messages."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import arrays, dtypes
from .creation import as_tensor
from .modes import no_grad
from .tensor import Tensor

_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-5), dtypes.bfloat16: (1.6e-2, 1e-5), dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7), dtypes.complex64: (1.3e-6, 1e-5), dtypes.complex128: (1e-7, 1e-7),
}  # fmt: skip
Message = str | Callable[[str], str] | None


class _How(NamedTuple):
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    msg: Message


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: Message = None) -> None:  # fmt: skip
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol |expected|``, element by element.

    Args:
        actual, expected: Tensors, arrays or numbers, or sequences and mappings of such.
        rtol, atol: both or neither; by the dtypes if not given, 1.3e-6 and 1e-5 for float32, 1e-7 both for float64,
            0 for integers.
        equal_nan: whether NaN equals NaN.
        check_device, check_dtype: whether those must be the same.
        msg: the message, or a function of the usual one.
        allow_subclasses, check_layout, check_stride: accepted, without effect.

    Raises:
        ValueError: if only one of `rtol` and `atol` is given. TypeError: for what cannot be compared.

    Example:
        >>> import xpgrad
        >>> xpgrad.testing.assert_close(xpgrad.tensor([1.0, 2.0]), xpgrad.tensor([1.0, 2.5]))
        Traceback (most recent call last):
            ...
        AssertionError: Tensor-likes are not close!
        <BLANKLINE>
        Mismatched elements: 1 / 2 (50.0%)
        Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
        Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)
    """
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be specified or both be unspecified, but got "
                         f"rtol={rtol} and atol={atol}")  # fmt: skip
    with no_grad():
        _compare(actual, expected, _How(rtol, atol, equal_nan, check_device, check_dtype, msg), "")


def _compare(actual: Any, expected: Any, how: _How, place: str) -> None:
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            _fail(f"The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                  f"{sorted(expected.keys() - actual.keys())}\nAdditional keys in the actual mapping: "
                  f"{sorted(actual.keys() - expected.keys())}", how, place)  # fmt: skip
        for key in expected:
            _compare(actual[key], expected[key], how, f"{place}[{key!r}]")
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            _fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", how, place)
        for i, pair in enumerate(zip(actual, expected, strict=True)):
            _compare(*pair, how, f"{place}[{i}]")
    elif actual is None and expected is None:
        return
    elif isinstance(actual, numbers.Number) and isinstance(expected, numbers.Number):
        _numbers(actual, expected, how, place)
    elif _is_tensor(actual) and _is_tensor(expected):
        _tensors(as_tensor(actual), as_tensor(expected), how, place)
    else:
        raise TypeError(f"cannot compare {type(actual)} and {type(expected)}; give two Tensors or arrays, two numbers, "
                        "or two sequences or mappings of such")  # fmt: skip


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or arrays.is_array(value)


def _tolerances(how: _How, kinds: list[dtypes.dtype]) -> tuple[float, float]:
    if how.rtol is not None and how.atol is not None:
        return how.rtol, how.atol
    found = [_TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
    return max(rtol for rtol, _ in found), max(atol for _, atol in found)


def _numbers(actual: Any, expected: Any, how: _How, place: str) -> None:
    if how.check_dtype and type(actual) is not type(expected):
        _fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", how, place)
    kinds = [dtypes.float64 if isinstance(v, float) else dtypes.complex128 if isinstance(v, complex) else dtypes.int64
             for v in (actual, expected)]  # fmt: skip
    rtol, atol = _tolerances(how, kinds)
    if actual == expected or (how.equal_nan and actual != actual and expected != expected):
        return
    difference = abs(actual - expected)
    if difference <= atol + rtol * abs(expected) < float("inf"):
        return
    lines = [f"Scalars are not {_word(rtol, atol)}!", "", f"Expected {expected} but got {actual}."]
    relative = difference / abs(expected) if expected else float("inf")
    lines += [f"{name} difference: {found}{_allowed(rtol, atol, limit)}"
              for name, found, limit in (("Absolute", difference, atol), ("Relative", relative, rtol))]  # fmt: skip
    _fail("\n".join(lines), how, place)


def _tensors(actual: Any, expected: Any, how: _How, place: str) -> None:
    for name, checked in (("shape", True), ("device", how.check_device), ("dtype", how.check_dtype)):
        a, b = getattr(actual, name), getattr(expected, name)
        if checked and a != b:
            _fail(f"The values for attribute '{name}' do not match: {a} != {b}.", how, place)
    rtol, atol = _tolerances(how, [actual.dtype, expected.dtype])
    common = dtypes.promote(actual.dtype, expected.dtype)
    a = actual.detach().to(common)
    b = a.new_tensor(expected.detach().numpy_array(), dtype=common)
    close = a.isclose(b, rtol=rtol, atol=atol, equal_nan=how.equal_nan)
    if close.all():
        return
    missed = int((~close).sum())
    if not a.ndim:
        lines = [f"Scalars are not {_word(rtol, atol)}!", "", f"Expected {b.item()} but got {a.item()}."]
    else:
        share = f"{missed} / {int(close.size)} ({missed / int(close.size):.1%})"
        lines = [f"Tensor-likes are not {_word(rtol, atol)}!", "", f"Mismatched elements: {share}"]
    if not common.is_floating_point and not common.is_complex:
        a, b = a.to(dtypes.int64), b.to(dtypes.int64)
    difference, size = (a - b).abs().masked_fill(close, 0), b.abs()
    relative = (difference / size.masked_fill(size == 0, 1)).masked_fill((size == 0) & ~close, float("inf"))
    for name, values, limit in (("Absolute", difference, atol), ("Relative", relative, rtol)):
        where = int(values.argmax())
        worst = values.flatten()[where].item()
        if a.ndim:
            index = tuple(_unravelled(where, tuple(a.shape)))
            lines.append(f"Greatest {name.lower()} difference: {worst} at index {index}{_allowed(rtol, atol, limit)}")
        else:
            lines.append(f"{name} difference: {worst}{_allowed(rtol, atol, limit)}")
    _fail("\n".join(lines), how, place)


def _unravelled(index: int, shape: tuple[int, ...]) -> list[int]:
    out = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        out.append(place)
    return out[::-1]


def _word(rtol: float, atol: float) -> str:
    return "equal" if rtol == atol == 0 else "close"


def _allowed(rtol: float, atol: float, limit: float) -> str:
    return "" if rtol == atol == 0 else f" (up to {limit} allowed)"


def _fail(text: str, how: _How, place: str) -> None:
    if place:
        text += f"\n\nThe failure occurred for item {place}"
    raise AssertionError(how.msg(text) if callable(how.msg) else how.msg or text)


__all__ = ["assert_close"]
