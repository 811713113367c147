"""Recurrent layers: RNN, LSTM and GRU, in layers and directions, on padded and on packed sequences."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ..creation import empty
from ..kernels import recurrent  # noqa: F401  (registers its ops)
from ..tensor import Tensor
from . import functional as F
from . import init
from .functional._call import call
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}
_OPS = {"RNN_TANH": "rnn", "RNN_RELU": "rnn", "LSTM": "lstm", "GRU": "gru"}


def run(mode: str, x: Tensor, states: tuple[Tensor, ...], weights: dict[str, Any], sizes: tuple[int, ...],
        reverse: bool = False) -> tuple[Tensor, tuple[Tensor, ...]]:  # fmt: skip
    """One layer in one direction over packed rows: all states, and the last ones.

    Args:
        mode: a key of `_GATES`.
        x: (rows of all steps, features). states: h, and c for an LSTM, (N, size).
        weights: ``w_ih``, ``w_hh``, and ``b_ih``, ``b_hh``, ``w_hr`` or None.
        sizes: the number of rows of each step.
    """
    b_ih, b_hh, gru = weights["b_ih"], weights["b_hh"], mode == "GRU"
    bias = b_ih if b_ih is None or gru else call("add", b_ih, b_hh)
    entering = F.linear(x, weights["w_ih"], bias)
    params: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
    arrays: tuple[Any, ...] = (entering, *states, weights["w_hh"])
    if mode == "LSTM":
        arrays = (*arrays, weights["w_hr"])
    elif gru:
        arrays = (*arrays, b_hh)
    elif mode == "RNN_RELU":
        params["relu"] = True
    made: Any = call(_OPS[mode], *arrays, **params)
    return made[0], tuple(made[1 : 1 + len(states)])


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common.

    Args:
        mode: ``RNN_TANH``, ``RNN_RELU``, ``LSTM`` or ``GRU``.
        input_size, hidden_size: the numbers of features of input and state.
        num_layers: layers; each takes the states of the one below as its input.
        bias: whether there are biases.
        batch_first: (N, T, ...) in place of (T, N, ...).
        dropout: of the states between layers.
        bidirectional: whether each layer also runs from the end to the beginning.
        proj_size: the size to which an LSTM projects its state; 0 for none.

    Attributes:
        weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0: of layer 0, its gates one below the other;
            ``_reverse`` at the end for the other direction. Uniform in ±1 / sqrt(hidden_size) at first.
    """

    bias: bool

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        _check_sizes(hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        rows, seen = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            features = input_size if layer == 0 else seen * (1 + bidirectional)
            for suffix in self._suffixes(layer):
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, features), "weight_hh": (rows, seen)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        _draw(self, self.hidden_size)

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: no library here wants them in one piece."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """States of the last layer at all steps, and the last states of all layers.

        Args:
            input: (T, N, input_size), (N, T, input_size) with `batch_first`, (T, input_size) without a batch, or a
                PackedSequence.
            hx: the states at first, (layers * directions, N, size), for an LSTM a pair (h, c) of them; zeros if not
                given. Without a batch, without N.

        Returns:
            Outputs as the input, their last axis (size * directions), and the last states as `hx`.

        Raises:
            ValueError, RuntimeError: if shapes or dtypes do not fit.
        """
        kept, packed = input, isinstance(input, PackedSequence)
        x = input.data if packed else input
        batched = packed or x.ndim == 3
        if not packed and x.ndim not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {x.ndim}D instead")
        self._check_input(x, 2 if packed else x.ndim)
        states = self._states(hx, batched)
        if packed:
            sizes = tuple(int(n) for n in input.batch_sizes.tolist())
            states = tuple(_taken(s, input.sorted_indices) for s in states)
        else:
            if not batched:
                x, states = x.unsqueeze(1), tuple(s.unsqueeze(1) for s in states)
            elif self.batch_first:
                x = x.transpose(0, 1)
            sizes = (int(x.shape[1]),) * int(x.shape[0])
            x = x.reshape(-1, self.input_size)
        if not sizes:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        out, last = self._run(x, self._begin(x, states, sizes[0]), sizes)
        if packed:
            packing = PackedSequence(out, kept.batch_sizes, kept.sorted_indices, kept.unsorted_indices)
            return packing, self._as_given(tuple(_taken(s, kept.unsorted_indices) for s in last))
        out = out.reshape(len(sizes), sizes[0], -1)
        if not batched:
            return out.squeeze(1), self._as_given(tuple(s.squeeze(1) for s in last))
        return out.transpose(0, 1) if self.batch_first else out, self._as_given(last)

    def _run(self, x: Any, states: tuple[Any, ...], sizes: tuple[int, ...]) -> tuple[Any, tuple[Any, ...]]:
        """All layers in all directions over packed rows."""
        directions, ends = 1 + self.bidirectional, []
        for layer in range(self.num_layers):
            outs = []
            for d, suffix in enumerate(self._suffixes(layer)):
                names = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh",
                         "w_hr": "weight_hr"}  # fmt: skip
                weights = {short: getattr(self, name + suffix, None) for short, name in names.items()}
                begin = tuple(s[layer * directions + d] for s in states)
                out, end = run(self.mode, x, begin, weights, sizes, reverse=d == 1)
                outs.append(out)
                ends.append(end)
            x = outs[0] if directions == 1 else call("concat", outs, axis=1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        return x, tuple(call("stack", list(parts), axis=0) for parts in zip(*ends, strict=True))

    def _state_sizes(self) -> tuple[int, ...]:
        """The sizes of h, and of an LSTM's c."""
        size = self.proj_size or self.hidden_size
        return (size, self.hidden_size) if self.mode == "LSTM" else (size,)

    def _begin(self, x: Any, states: tuple[Any, ...], count: int) -> tuple[Any, ...]:
        """The states at first, checked; zeros where none are given."""
        layers = self.num_layers * (1 + self.bidirectional)
        shapes = [(layers, count, size) for size in self._state_sizes()]
        if not states:
            return tuple(x.new_zeros(shape) for shape in shapes)
        for name, state, shape in zip(("hidden[0]", "hidden[1]"), states, shapes, strict=False):
            if tuple(state.shape) != shape:
                what = name if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {what} size {shape}, got {list(state.shape)}")
        return states

    def _states(self, hx: Any, batched: bool) -> tuple[Any, ...]:
        if hx is None:
            return ()
        states = tuple(hx) if self.mode == "LSTM" else (hx,)
        wanted = 3 if batched else 2
        if any(s.ndim != wanted for s in states):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            if self.mode == "LSTM":
                raise RuntimeError(f"For {kind} input, hx and cx should also be {wanted}-D but got "
                                   f"({states[0].ndim}-D, {states[1].ndim}-D) tensors")  # fmt: skip
            raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {hx.ndim}-D tensor")
        return states

    def _as_given(self, states: tuple[Any, ...]) -> Any:
        return states if self.mode == "LSTM" else states[0]

    def _check_input(self, x: Any, ndim: int) -> None:
        weight = getattr(self, self._all_weights[0][0])
        if x.dtype is not weight.dtype:
            raise ValueError(f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). Convert "
                             f"input: input.to({weight.dtype}), or convert model: model.to({x.dtype})")  # fmt: skip
        if x.ndim != ndim:
            raise RuntimeError(f"input must have {ndim} dimensions, got {x.ndim}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{x.shape[-1]}")  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0,
                 "bidirectional": False}  # fmt: skip
        changed = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh) along a sequence, or relu. Elman (1990).

    Args:
        input_size, hidden_size, num_layers: as in `RNNBase`.
        nonlinearity: ``tanh`` or ``relu``.
        bias, batch_first, dropout, bidirectional: as in `RNNBase`.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> output, hn = nn.RNN(10, 20, 2)(xpgrad.randn(5, 3, 10))
        >>> output.shape, hn.shape
        (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: Any = None, dtype: Any = None, **kwargs: Any) -> None:  # fmt: skip
        _refuse_projection(kwargs)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, device=device, dtype=dtype)  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """c' = f c + i g and h' = o tanh(c'), with gates of W_ih x + b_ih + W_hh h + b_hh in the order i, f, g, o.

    Hochreiter and Schmidhuber (1997). Arguments as `RNNBase`'s; input and states too: `hx` is a pair (h, c).

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> lstm = nn.LSTM(10, 20, num_layers=2, bidirectional=True, proj_size=5)
        >>> output, (hn, cn) = lstm(xpgrad.randn(5, 3, 10))
        >>> output.shape, hn.shape, cn.shape
        (torch.Size([5, 3, 10]), torch.Size([4, 3, 5]), torch.Size([4, 3, 20]))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)  # fmt: skip


class GRU(RNNBase):
    """h' = (1 - z) n + z h, with n = tanh(W_in x + b_in + r (W_hn h + b_hn)).

    The gates r and z are the sigmoids of their parts of W_ih x + b_ih + W_hh h + b_hh; n is the third part.
    Cho et al. (2014). Arguments as `RNNBase`'s, but for `proj_size`.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
                 dtype: Any = None, **kwargs: Any) -> None:  # fmt: skip
        _refuse_projection(kwargs)
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)  # fmt: skip


def _check_sizes(hidden_size: Any, num_layers: Any, dropout: Any, proj_size: int) -> None:
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                         "zeroed")  # fmt: skip
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                      f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                      stacklevel=4)  # fmt: skip
    if not isinstance(hidden_size, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if hidden_size <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


def _refuse_projection(options: dict[str, Any]) -> None:
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if options:
        raise TypeError(f"unexpected keyword argument '{next(iter(options))}'")


def _taken(state: Any, order: Any) -> Any:
    """The sequences of a state in another order."""
    return state if order is None else call("take", state, order, axis=1)


def _draw(module: Module, hidden_size: int) -> None:
    bound = 1 / math.sqrt(hidden_size)
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)
