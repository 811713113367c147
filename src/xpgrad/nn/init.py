"""Initial values: every filler of PyTorch, with PyTorch's numbers under the same seed.

Numbers are drawn on the host by the generator and written into the Tensor in place, without recording.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from .. import random
from ..modes import no_grad
from ..op import device_of, library_of
from ..tensor import Tensor, make
from ..views import write

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
           "sigmoid")  # fmt: skip


def _fill(tensor: Tensor, host: Any) -> Tensor:
    """Write a host array, or a number, into `tensor`."""
    array = tensor.array
    xp = tensor.library.native
    if isinstance(host, int | float):
        value = xp.full(array.shape, host, dtype=array.dtype, device=device_of(array))
    else:
        value = xp.asarray(host, dtype=array.dtype, device=device_of(array))
    with no_grad():
        return write(tensor, make(value))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much a layer's weights must grow to keep the variance through `nonlinearity`.

    Args:
        nonlinearity: a name of `nn.functional`.
        param: the negative slope, for ``leaky_relu``.

    Raises:
        ValueError: for an unknown name, or a slope that is no number.

    Example:
        >>> from xpgrad import nn
        >>> nn.init.calculate_gain("leaky_relu", 0.2)
        1.3867504905630728
    """
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if isinstance(param, bool) or not isinstance(param, int | float | None):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b)."""
    return _fill(tensor, _source(generator).uniform(tuple(tensor.shape), tensor.dtype, a, b))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with mean `mean` and standard deviation `std`."""
    return _fill(tensor, _source(generator).normal(tuple(tensor.shape), tensor.dtype, mean, std))


def _source(generator: Any) -> random.Generator:
    return random.default_generator if generator is None else generator


def _redrawn(draw: Callable[[], Any], refused: Callable[[Any], Any]) -> Any:
    """A host array from `draw`, with every value that is refused drawn again until none is."""
    values = draw()
    xp = library_of(values)
    bad = refused(values)
    while xp.any(bad):
        again = draw()
        values = xp.where(bad, again, values)
        bad = bad & refused(again)
    return values


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> Tensor:  # fmt: skip
    """Normal with mean `mean` and standard deviation `std`, restricted to [a, b].

    Values outside are drawn again where most fall inside; otherwise uniform ones are accepted in proportion to the
    density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
                      "incorrect.", stacklevel=2)  # fmt: skip
    draw, shape, d = _source(generator), tuple(tensor.shape), tensor.dtype
    inside = 0.5 * (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2)))
    if inside > 0.3:
        return _fill(tensor, _redrawn(lambda: draw.normal(shape, d, mean, std), lambda x: (x < a) | (x > b)))
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def refused(x: Any) -> Any:
        return library_of(x).log(draw.uniform(shape, d)) > -0.5 * ((x - mean) / std) ** 2 - peak

    return _fill(tensor, _redrawn(lambda: draw.uniform(shape, d, a, b), refused))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere."""
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return _fill(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix.

    Raises:
        ValueError: unless `tensor` has two dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    array = tensor.array
    return _fill(tensor, tensor.library.native.eye(*array.shape, dtype=array.dtype, device=device_of(array)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The convolution weight that passes its input through, as many channels as it can, in each group.

    Raises:
        ValueError: unless `tensor` has 3 to 5 dimensions, the first divisible by `groups`.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    outs, ins, *kernel = tensor.shape
    if outs % groups:
        raise ValueError("dim 0 must be divisible by groups")
    array, xp = tensor.array, tensor.library.native
    kept = {"dtype": array.dtype, "device": device_of(array)}
    one = xp.concat([xp.eye(outs // groups, ins, **kept)] * groups)
    for size in kernel:  # each axis is the previous weight times a 1 in its middle
        middle = xp.astype(xp.arange(size, device=device_of(array)) == size // 2, array.dtype)
        one = one[..., None] * middle
    return _fill(tensor, one)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many values a unit's weight takes in, and how many units take in one value."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


_calculate_fan_in_and_fan_out = _fans


def _fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of ['fan_in', 'fan_out']")
    return _fans(tensor)[mode.lower() == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain sqrt(6 / (fan_in + fan_out)). Glorot and Bengio (2010)."""
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(_fans(tensor)))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)). Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(sum(_fans(tensor)))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> Tensor:  # fmt: skip
    """Uniform in ±gain sqrt(3 / fan). He et al., "Delving deep into rectifiers" (2015).

    Args:
        a: the negative slope, for ``leaky_relu``.
        mode: ``fan_in`` keeps the variance forward, ``fan_out`` backward.
        nonlinearity: what follows the layer, see `calculate_gain`.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> Tensor:  # fmt: skip
    """Normal with standard deviation gain / sqrt(fan). He et al. (2015); see `kaiming_uniform_`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Orthonormal rows or columns, times `gain`; axes beyond the first are taken together. Saxe et al. (2013).

    Raises:
        ValueError: if `tensor` has fewer than two dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.size == 0:
        return tensor
    array, xp = tensor.array, tensor.library.native
    rows, columns = array.shape[0], math.prod(array.shape[1:])
    drawn = _source(generator).normal((rows, columns), tensor.dtype)
    flat = xp.asarray(drawn, dtype=array.dtype, device=device_of(array))
    q, r = xp.linalg.qr(xp.matrix_transpose(flat) if rows < columns else flat)
    q = q * xp.sign(xp.linalg.diagonal(r))
    q = xp.matrix_transpose(q) if rows < columns else q
    return _fill(tensor, xp.reshape(q, array.shape) * gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normal with standard deviation `std`, and in each column a share of `sparsity` set to 0. Martens (2010).

    Raises:
        ValueError: unless `tensor` has two dimensions.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    values = _source(generator).normal((rows, columns), tensor.dtype, 0.0, std)
    for column in range(columns):
        values[random.default_generator.permutation(rows)[: math.ceil(sparsity * rows)], column] = 0
    return _fill(tensor, values)


def _without_underscore(filler: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = filler.__name__

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{name[:-1]}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning,
                      stacklevel=2)  # fmt: skip
        return filler(*args, **kwargs)

    old.__name__ = old.__qualname__ = name[:-1]
    old.__doc__ = f"The old name of `{name}`."
    return old


_FILLERS: tuple[Callable[..., Tensor], ...] = (
    uniform_, normal_, constant_, eye_, dirac_, orthogonal_, sparse_,
    xavier_uniform_, xavier_normal_, kaiming_uniform_, kaiming_normal_,
)  # fmt: skip
(uniform, normal, constant, eye, dirac, orthogonal, sparse,
 xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal) = map(_without_underscore, _FILLERS)  # fmt: skip
