"""Activation functions, under PyTorch's names."""

from __future__ import annotations

import warnings
from typing import Any

from ... import random
from ...modes import no_grad
from ...op import device_of
from ...tensor import Tensor, make
from ...views import in_place
from ._call import call, maybe_in_place

_SELU_ALPHA = 1.6732632423543772  # Klambauer et al., "Self-normalizing neural networks" (2017)
_SELU_SCALE = 1.0507009873554805


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0), element by element.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.relu(xpgrad.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return maybe_in_place(inplace, input, "relu")


def relu_(input: Tensor) -> Tensor:
    """`relu`, in place."""
    return relu(input, inplace=True)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input))."""
    return call("sigmoid", input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return call("tanh", input)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), without underflow."""
    return call("log_sigmoid", input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta input)) / beta; input itself where beta input > threshold."""
    return call("softplus", input, beta=beta, threshold=threshold)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input sigmoid(input), also called swish."""
    return maybe_in_place(inplace, input, "silu")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input tanh(softplus(input))."""
    return maybe_in_place(inplace, input, "mish")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input Φ(input), Φ the normal distribution function; ``approximate="tanh"`` for the formula with tanh.

    Raises:
        RuntimeError: for another `approximate`.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return call("gelu", input, approximate=approximate)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha (exp(input) - 1)."""
    return maybe_in_place(inplace, input, "elu", alpha=alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu with the scale and alpha that keep mean 0 and variance 1."""
    return maybe_in_place(inplace, input, "elu", alpha=_SELU_ALPHA, scale=_SELU_SCALE)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, input) + min(0, alpha (exp(input / alpha) - 1))."""
    return maybe_in_place(inplace, input, "celu", alpha=alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where positive, else negative_slope input."""
    return maybe_in_place(inplace, input, "leaky_relu", negative_slope=negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """leaky_relu with a learned slope: one for all, or one for each channel (axis 1).

    Raises:
        RuntimeError: if `weight` is neither of one element nor of one for each channel.
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.size > 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.size != channels:
            raise RuntimeError("Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{int(weight.size)} and channel size = {channels}.")  # fmt: skip
        weight = call("reshape", weight, shape=(channels,) + (1,) * (input.ndim - 2))
    elif input.ndim == 0 and weight.ndim:
        weight = call("reshape", weight, shape=())
    return call("prelu", input, weight)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is > threshold, else value."""
    return maybe_in_place(inplace, input, "threshold", threshold=threshold, value=value)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input, kept in [min_val, max_val].

    Raises:
        ValueError: if `min_val` is above `max_val`.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return maybe_in_place(inplace, input, "hardtanh", min_val=min_val, max_val=max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """input, kept in [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """input / 6 + 1/2, kept in [0, 1]."""
    return maybe_in_place(inplace, input, "hardsigmoid")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input hardsigmoid(input)."""
    return maybe_in_place(inplace, input, "hardswish")


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input moved towards 0 by lambd, and 0 within lambd of it.

    Raises:
        RuntimeError: for a negative `lambd`.
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return call("softshrink", input, lambd=lambd)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input, and 0 within lambd of 0."""
    return call("hardshrink", input, lambd=lambd)


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return call("divide", input, call("add", call("abs", input), 1))


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return call("subtract", input, tanh(input))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b), a and b the halves of input along `dim`. Dauphin et al. (2017).

    Raises:
        RuntimeError: if `dim` has an odd size.
    """
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim % input.ndim} is size {size}")
    before: tuple[Any, ...] = (slice(None),) * (dim % input.ndim)
    first, second = (input[(*before, part)] for part in (slice(None, size // 2), slice(size // 2, None)))
    return call("multiply", first, sigmoid(second))


def _default_dim(name: str, dim: int | None, ndim: int) -> int:
    if dim is None:
        warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as "
                      "an argument.", stacklevel=4)  # fmt: skip
        dim = 0 if ndim in (0, 1, 3) else 1
    return dim


def _along(op: str, input: Tensor, dim: int, dtype: Any) -> Tensor:
    if dtype is not None:
        input = call("astype", input, dtype=dtype)
    if input.ndim == 0:
        return call("reshape", call(op, call("reshape", input, shape=(1,)), axis=0), shape=())
    if not -input.ndim <= dim < input.ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-input.ndim}, {input.ndim - 1}], "
                         f"but got {dim})")  # fmt: skip
    return call(op, input, axis=dim)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(input), divided by its sum along `dim`.

    Args:
        input: of any shape.
        dim: the axis that sums to 1.
        dtype: computed and returned in this dtype, if given.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.softmax(xpgrad.zeros(4), dim=0)
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return _along("softmax", input, _default_dim("softmax", dim, input.ndim), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax of -input."""
    return _along("softmax", call("negative", input), _default_dim("softmin", dim, input.ndim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(input)), without underflow."""
    return _along("log_softmax", input, _default_dim("log_softmax", dim, input.ndim), dtype)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input / max(norm of order p along `dim`, eps)."""
    if input.ndim == 0:
        return call("reshape", normalize(call("reshape", input, shape=(1,)), p, 0, eps), shape=())
    norm = call("linalg.vector_norm", input, axis=dim, keepdims=True, ord=p)
    return call("divide", input, call("clip", norm, eps))


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((logits + Gumbel noise) / tau): a sample that gradients pass. Jang et al. (2017).

    Args:
        tau: the temperature.
        hard: return a one-hot vector, with the gradient of the soft one.
        eps: without effect, as in PyTorch.
    """
    xp, array = logits.__array_namespace__(), logits.array
    drawn = random.default_generator.exponential(tuple(logits.shape), logits.dtype)
    noise: Any = make(logits.library.native.asarray(drawn, dtype=array.dtype, device=device_of(array)))
    soft: Any = softmax((logits - xp.log(noise)) / tau, dim=dim)
    if not hard:
        return soft  # type: ignore[no-any-return]
    with no_grad():
        best = xp.argmax(soft, axis=dim, keepdims=True)
        shape = [1] * soft.ndim
        shape[dim] = soft.shape[dim]
        places = xp.reshape(xp.arange(soft.shape[dim], dtype=best.dtype, device=soft.device), tuple(shape))
        step = xp.astype(places == best, soft.dtype) - soft
    return step + soft  # type: ignore[no-any-return]


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:  # fmt: skip
    """leaky_relu with slopes drawn from [lower, upper] in training, and their mean else. Xu et al. (2015).

    A slope is drawn for every element, so that no value has to be looked at.
    """
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    array = input.array
    drawn = random.default_generator.uniform(tuple(input.shape), input.dtype, lower, upper)
    slopes = make(input.library.native.asarray(drawn, dtype=array.dtype, device=device_of(array)))
    if inplace:
        return in_place(input, "rrelu_", lambda t: call("prelu", t, slopes))
    return call("prelu", input, slopes)


def in_place_of(name: str) -> Any:
    """The twin of activation `name` that writes into its argument."""
    function = globals()[name]

    def twin(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return in_place(input, name, lambda t: function(t, *args, **kwargs))

    twin.__name__ = twin.__qualname__ = f"{name}_"
    twin.__doc__ = f"`{name}`, in place."
    return twin


elu_, selu_, celu_, leaky_relu_, threshold_, hardtanh_, rrelu_ = map(
    in_place_of, ("elu", "selu", "celu", "leaky_relu", "threshold", "hardtanh", "rrelu"))  # fmt: skip
