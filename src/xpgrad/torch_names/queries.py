"""What PyTorch's functions tell about Tensors and dtypes, and its settings that a script may make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Any) -> int:
    """The number of elements."""
    return int(input.size)


def is_floating_point(input: Any) -> bool:
    """Whether the dtype is a real floating one."""
    return bool(input.dtype.is_floating_point)


def is_complex(input: Any) -> bool:
    """Whether the dtype is complex."""
    return bool(input.dtype.is_complex)


def is_signed(input: Any) -> bool:
    """Whether the dtype has negative numbers."""
    return bool(input.dtype.is_signed)


def is_inference(input: Any) -> bool:
    """Whether it was made in inference mode."""
    return bool(input.is_inference())


def is_nonzero(input: Any) -> bool:
    """Whether the one element is not 0.

    Raises:
        RuntimeError: if there is not exactly one.
    """
    if input.size != 1:
        raise RuntimeError("Boolean value of Tensor with " + ("no values" if input.size == 0 else "more than one value")
                           + " is ambiguous")  # fmt: skip
    return bool(input.item() != 0)


def is_same_size(input: Any, other: Any) -> bool:
    """Whether both have the same shape."""
    return tuple(input.shape) == tuple(other.shape)


def is_conj(input: Any) -> bool:
    """False: a conjugate is computed at once."""
    return False


def is_neg(input: Any) -> bool:
    """False: a negation is computed at once."""
    return False


def detach(input: Any) -> Any:
    """The same array without the graph."""
    return input.detach()


def get_device(input: Any) -> int:
    """The number of the device it is on; -1 for the host."""
    return -1 if input.device.type == "cpu" else input.device.index or 0


def typename(obj: Any) -> str:
    """The type's name, for a Tensor the name of PyTorch's type for its dtype."""
    return str(obj.type()) if is_tensor(obj) else f"{type(obj).__module__}.{type(obj).__qualname__}"


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of a result of both; a Python number counts by its kind alone.

    Example:
        >>> import xpgrad
        >>> xpgrad.result_type(xpgrad.tensor([1, 2]), 1.0)
        torch.float32
    """
    both = (tensor1, tensor2)
    arrays = [x.dtype for x in both if isinstance(x, Tensor)]
    numbers = [x for x in both if not isinstance(x, Tensor)]
    kinds = {bool: dtypes.bool_, int: dtypes.int64, float: dtypes.get_default_dtype()}
    if not arrays:
        arrays = [kinds.get(type(x), dtypes.get_default_dtype().to_complex()) for x in numbers]
    found = dtypes.common(arrays, numbers, floats=False)
    assert found is not None
    return found


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether numbers of dtype `from_` may be written into one of dtype `to`: never a higher kind into a lower.

    Example:
        >>> import xpgrad
        >>> xpgrad.can_cast(xpgrad.float64, xpgrad.float32), xpgrad.can_cast(xpgrad.float32, xpgrad.int64)
        (True, False)
    """
    return dtypes.rank(from_) <= dtypes.rank(to)


# dtype name -> bits of the mantissa, largest exponent, decimal digits
_FLOATS = {"float16": (10, 15, 3), "bfloat16": (7, 127, 2), "float32": (23, 127, 6), "float64": (52, 1023, 15)}


class finfo:
    """Limits of a floating dtype; of the default one if none is given.

    Example:
        >>> import xpgrad
        >>> xpgrad.finfo(xpgrad.float32).eps == 2**-23
        True
    """

    def __init__(self, type: dtypes.dtype | None = None) -> None:
        d = dtypes.get_default_dtype() if type is None else type.to_real()
        if d.name not in _FLOATS:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{d.name}'")
        mantissa, exponent, digits = _FLOATS[d.name]
        self.dtype, self.bits = d.name, 8 * d.itemsize
        self.eps = 2.0**-mantissa
        self.max = (2 - self.eps) * 2.0**exponent
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - exponent)
        self.resolution = float(f"1e-{digits}")

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer dtype.

    Example:
        >>> import xpgrad
        >>> xpgrad.iinfo(xpgrad.int8)
        iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type: dtypes.dtype) -> None:
        if dtypes.rank(type) != 1:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type.name}'")
        self.dtype, self.bits = type.name, 8 * type.itemsize
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0
        self.max = 2 ** (self.bits - type.is_signed) - 1

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


METHODS: tuple[Callable[..., Any], ...] = (is_nonzero, is_same_size, is_conj, is_neg)
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    is_tensor, numel, is_floating_point, is_complex, is_signed, is_inference, detach, get_device, typename,
    result_type, can_cast, finfo, iinfo,
)  # fmt: skip
