"""xpgrad's own dtypes: one object for every library, translated at the boundary.

`xpgrad.float32` is equal to the dtype of any Tensor that holds 32-bit floats, whichever library holds them. A
*native* dtype is the library's own object; `native` and `from_native` translate, and remember what they found.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

Kind = Literal["bool", "signed integer", "unsigned integer", "real floating", "complex floating"]


class dtype:  # PyTorch's spelling
    """The element type of a Tensor.

    Attributes:
        name: the standard's name, such as ``"float32"``.
        kind: the standard's kind, such as ``"real floating"``.
        itemsize: bytes per element.

    Example:
        >>> import xpgrad
        >>> xpgrad.float32
        torch.float32
        >>> xpgrad.float32.itemsize, xpgrad.float32.is_floating_point
        (4, True)
    """

    __slots__ = ("is_complex", "is_floating_point", "is_signed", "itemsize", "kind", "name")

    def __init__(self, name: str, kind: Kind, itemsize: int) -> None:
        self.name = name
        self.kind = kind
        self.itemsize = itemsize
        self.is_floating_point = kind == "real floating"
        self.is_complex = kind == "complex floating"
        self.is_signed = kind not in ("bool", "unsigned integer")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return "bool_" if self.name == "bool" else self.name

    def to_real(self) -> dtype:
        """The real dtype of the parts: ``complex64 -> float32``; a real dtype is its own."""
        return _TO_REAL.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts are this: ``float32 -> complex64``."""
        return _TO_COMPLEX.get(self, self)


bool_ = dtype("bool", "bool", 1)
int8 = dtype("int8", "signed integer", 1)
int16 = dtype("int16", "signed integer", 2)
int32 = dtype("int32", "signed integer", 4)
int64 = dtype("int64", "signed integer", 8)
uint8 = dtype("uint8", "unsigned integer", 1)
uint16 = dtype("uint16", "unsigned integer", 2)
uint32 = dtype("uint32", "unsigned integer", 4)
uint64 = dtype("uint64", "unsigned integer", 8)
float16 = dtype("float16", "real floating", 2)
bfloat16 = dtype("bfloat16", "real floating", 2)
float32 = dtype("float32", "real floating", 4)
float64 = dtype("float64", "real floating", 8)
complex64 = dtype("complex64", "complex floating", 8)
complex128 = dtype("complex128", "complex floating", 16)

ALL = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
NAMED = {d.name: d for d in ALL}
_TO_REAL = {complex64: float32, complex128: float64}
_TO_COMPLEX = {float32: complex64, float64: complex128, float16: complex64}

_native: dict[tuple[int, dtype], Any] = {}
_from_native: dict[type, dict[Any, dtype]] = {}  # by type first: dtypes of two libraries are not to be compared
_default = float32


def from_native(native_dtype: Any) -> dtype:
    """xpgrad's dtype for a library's own `native_dtype` (an xpgrad dtype is returned as it is).

    Raises:
        TypeError: if the library's dtype is none of the standard's (nor float16 or bfloat16).
    """
    if type(native_dtype) is dtype:
        return native_dtype
    try:
        return _from_native[type(native_dtype)][native_dtype]
    except (KeyError, TypeError):
        pass
    name = getattr(native_dtype, "__name__", None) or getattr(native_dtype, "name", None) or str(native_dtype)
    found = NAMED.get(str(name).rpartition(".")[2].rstrip("_"))
    if found is None:
        raise TypeError(f"{native_dtype!r} is not a dtype of the Array API standard; use one of {', '.join(NAMED)}")
    _from_native.setdefault(type(native_dtype), {})[native_dtype] = found
    return found


def native(xp: Any, wanted: Any) -> Any:
    """The dtype object of library namespace `xp` for `wanted`, an xpgrad dtype (None and native ones pass through).

    Raises:
        TypeError: if the library has no such dtype.
    """
    if type(wanted) is not dtype:
        return wanted
    key = (id(xp), wanted)
    found = _native.get(key)
    if found is None:
        found = getattr(xp, wanted.name, None)
        if found is None:
            raise TypeError(f"{getattr(xp, '__name__', xp)} has no dtype {wanted.name}")
        _native[key] = found
    return found


_RANK = {"bool": 0, "unsigned integer": 1, "signed integer": 1, "real floating": 2, "complex floating": 3}


def promote(a: dtype, b: dtype) -> dtype:
    """The dtype of a result of `a` and `b`: the standard's promotion, and PyTorch's where kinds differ.

    Example:
        >>> import xpgrad
        >>> xpgrad.promote_types(xpgrad.int64, xpgrad.float32), xpgrad.promote_types(xpgrad.uint8, xpgrad.int8)
        (torch.float32, torch.int16)
    """
    if a is b:
        return a
    low, high = sorted((a, b), key=lambda d: (_RANK[d.kind], d.itemsize))
    if _RANK[low.kind] == _RANK[high.kind] == 1 and low.kind != high.kind:
        signed, unsigned = (low, high) if low.is_signed else (high, low)
        if signed.itemsize > unsigned.itemsize:
            return signed
        if unsigned is uint64:
            raise TypeError(f"{a} and {b} have no common integer dtype; convert one of them")
        return NAMED[f"int{16 * unsigned.itemsize}"]
    if {low, high} == {float16, bfloat16}:
        return float32
    if high.is_complex and low is float64:
        return complex128
    return high


def common(operands: list[dtype], scalars: list[Any], floats: bool) -> dtype | None:
    """The dtype in which an op computes; None where there is no array to say.

    A Python scalar counts by its kind alone: it raises integers to the default floating dtype, say, but never
    float32 to float64. With `floats`, integers become the default floating dtype.
    """
    if not operands:
        return None
    result = functools.reduce(promote, operands)
    for scalar in scalars:
        if isinstance(scalar, complex):
            result = result if result.is_complex else (result if result.is_floating_point else _default).to_complex()
        elif isinstance(scalar, float):
            result = result if _RANK[result.kind] > 1 else _default
        elif result is bool_ and not isinstance(scalar, bool):
            result = int64
    return _default if floats and _RANK[result.kind] < 2 else result


def rank(d: dtype) -> int:
    """0 for bool, 1 for integers, 2 for real and 3 for complex floating: what may be cast to what."""
    return _RANK[d.kind]


def is_complex(native_dtype: Any) -> bool:
    """Whether a dtype, native or ours, is complex."""
    return from_native(native_dtype).is_complex


def get_default_dtype() -> dtype:
    """The dtype that floating-point Tensors get where none is given; float32 unless it was set.

    Example:
        >>> import xpgrad
        >>> xpgrad.get_default_dtype()
        torch.float32
    """
    return _default


def set_default_dtype(d: dtype) -> None:
    """Choose the dtype that floating-point Tensors get where none is given.

    Raises:
        TypeError: if `d` is not a floating-point dtype.
    """
    global _default
    if type(d) is not dtype or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = d
