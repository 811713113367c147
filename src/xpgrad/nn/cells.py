"""One step of a recurrent layer: RNNCell, LSTMCell and GRUCell."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from .module import Module
from .parameter import Parameter
from .rnn import _GATES, _draw, run


class _Cell(Module):
    """What the cells have in common.

    Args:
        input_size, hidden_size: the numbers of features of input and state.
        bias: whether there are biases.

    Shape:
        input (N, input_size) and state (N, hidden_size), or both without N; a state of zeros if not given.

    Attributes:
        weight_ih, weight_hh, bias_ih, bias_hh: the gates one below the other; uniform in ±1 / sqrt(hidden_size).
    """

    mode: str
    bias: bool

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = _GATES[self.mode] * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        _draw(self, self.hidden_size)

    def _step(self, input: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
        """The states after one more input."""
        name = self._get_name()
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for i, state in enumerate(states):
            if state.ndim not in (1, 2):
                which = f"hx[{i}]" if self.mode == "LSTM" else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.ndim}D instead")
        batched = input.ndim == 2
        x = input if batched else input.unsqueeze(0)
        if not states:
            zeros = x.new_zeros((x.shape[0], self.hidden_size))
            states = (zeros, zeros) if self.mode == "LSTM" else (zeros,)
        elif not batched:
            states = tuple(s.unsqueeze(0) for s in states)
        weights = {"w_ih": self.weight_ih, "w_hh": self.weight_hh, "b_ih": self.bias_ih, "b_hh": self.bias_hh,
                   "w_hr": None}  # fmt: skip
        _, last = run(self.mode, x, states, weights, (int(x.shape[0]),))
        return last if batched else tuple(s.squeeze(0) for s in last)

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.__dict__['nonlinearity']}"
        return text


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu; see `RNN`."""

    mode = "RNN_TANH"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        self.mode = f"RNN_{self.nonlinearity.upper()}"
        return self._step(input, () if hx is None else (hx,))[0]


class LSTMCell(_Cell):
    """One step of an `LSTM`, on states (h, c)."""

    mode = "LSTM"

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The next h and c."""
        h, c = self._step(input, () if hx is None else tuple(hx))
        return h, c


class GRUCell(_Cell):
    """One step of a `GRU`."""

    mode = "GRU"

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state."""
        return self._step(input, () if hx is None else (hx,))[0]
