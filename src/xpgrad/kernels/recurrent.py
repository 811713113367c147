"""Recurrent layers: one op for one layer in one direction over a whole sequence.

Sequences lie packed: the rows of step 0, then those of step 1, and so on; `sizes` says how many rows each step has,
never more than the one before. A batch of equal lengths is the case where all sizes are equal. The product of the
inputs with their weight, and all biases that enter there, come from outside as `x`, for all steps in one product; the
rules likewise leave the gradient of the recurrent weight to one product at the end.

With what a rule needs of the forward pass, the gates, being outputs of the op, gradients of every order are exact.
Formulas: Elman (1990); Hochreiter and Schmidhuber (1997), with the projection of Sak et al. (2014); Cho et al. (2014),
with the reset gate after the product.
"""

from __future__ import annotations

import itertools
from typing import Any

from ..op import device_of, op
from .windows import settled

Steps = list[tuple[int, int]]


def _steps(sizes: tuple[int, ...], reverse: bool) -> Steps:
    """First row and number of rows of each step, in the order in which they are taken."""
    begins = itertools.accumulate(sizes[:-1], initial=0)
    steps = list(zip(begins, sizes, strict=True))
    return steps[::-1] if reverse else steps


def _rows(x: Any, step: tuple[int, int]) -> Any:
    return x[step[0] : step[0] + step[1], :]


def _in_time(xp: Any, parts: list[Any], reverse: bool) -> Any:
    """What the steps gave, packed."""
    return xp.concat(parts[::-1] if reverse else parts, axis=0)


class _State:
    """A state on its way through the steps: rows of sequences that end are put aside, those that begin come in."""

    def __init__(self, start: Any, rows: int) -> None:
        self.start = start
        self.now = start[:rows, :]
        self.left: list[Any] = []

    def fit(self, xp: Any, rows: int) -> Any:
        """The state for a step of so many rows."""
        have = self.now.shape[0]
        if rows < have:
            self.left.insert(0, self.now[rows:, :])
            self.now = self.now[:rows, :]
        elif rows > have:
            self.now = xp.concat([self.now, self.start[have:rows, :]], axis=0)
        return self.now

    def end(self, xp: Any) -> Any:
        """The last state of every sequence."""
        return xp.concat([self.now, *self.left], axis=0) if self.left else self.now


def _before(xp: Any, packed: Any, start: Any, steps: Steps) -> list[Any]:
    """The state that each step met, where `packed` holds the states that they left."""
    state, met = _State(start, steps[0][1]), []
    for step in steps:
        met.append(state.fit(xp, step[1]))
        state.now = _rows(packed, step)
    return met


def _across(xp: Any, w: Any) -> Any:
    """wᵀ, copied: products of a few rows with a transpose took three times as long on NumPy."""
    return settled(xp, xp.matrix_transpose(w))


def _product(xp: Any, g: Any, x: Any) -> Any:
    """gᵀ x: the gradient of a weight."""
    return xp.matrix_transpose(g) @ x


# -- h' = tanh(x + h wᵀ), or relu --


def rnn(xp: Any, x: Any, h: Any, w: Any, *, sizes: tuple[int, ...], reverse: bool = False,
        relu: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """h' = tanh(x + h wᵀ) from step to step.

    Args:
        x: (rows of all steps, H). h: (N, H), the state at first. w: (H, H).
        sizes: the number of rows of each step.
        reverse: from the last step to the first.
        relu: max(., 0) in place of tanh.

    Returns:
        All states, (rows, H), and the last of each sequence, (N, H).
    """
    steps, across, out = _steps(sizes, reverse), _across(xp, w), []
    state = _State(h, steps[0][1])
    for step in steps:
        before = state.fit(xp, step[1]) @ across
        before += _rows(x, step)
        state.now = xp.relu(before) if relu else xp.tanh(before)
        out.append(state.now)
    return _in_time(xp, out, reverse), state.end(xp)


def _rnn_rule(xp: Any, g: Any, h: Any, w: Any, y: Any, sizes: tuple[int, ...] = (), reverse: bool = False,
              relu: bool = False) -> tuple[Any, Any, Any]:  # fmt: skip
    (g_out, g_last), out, steps = g, y[0], _steps(sizes, reverse)
    slope = xp.astype(out > 0, out.dtype) if relu else 1 - out * out
    state, g_x = _State(g_last, steps[-1][1]), []
    for step in reversed(steps):
        g_x.append((state.fit(xp, step[1]) + _rows(g_out, step)) * _rows(slope, step))
        state.now = g_x[-1] @ w
    packed = _in_time(xp, g_x, not reverse)
    met = _in_time(xp, _before(xp, out, h, steps), reverse)
    return packed, state.end(xp), _product(xp, packed, met)


op("rnn", joint=_rnn_rule, forward=rnn, args="x h w", outputs="output last")


# -- the long short-term memory --


def lstm(xp: Any, x: Any, h: Any, c: Any, w: Any, r: Any = None, *, sizes: tuple[int, ...],
         reverse: bool = False) -> tuple[Any, ...]:  # fmt: skip
    """c' = f c + i g and h' = o tanh(c'), with (i, f, o) = sigmoid and g = tanh of the parts of x + h wᵀ.

    Args:
        x: (rows of all steps, 4H), its parts i, f, g, o. h: (N, P) and c: (N, H), the state at first. w: (4H, P).
        r: (P, H), a projection, h' = (o tanh(c')) rᵀ; None, and P is H.
        sizes, reverse: as in `rnn`.

    Returns:
        All states h, (rows, P); the last h and c of each sequence; all gates, (rows, 4H), and all c, (rows, H).
    """
    steps, across, n = _steps(sizes, reverse), _across(xp, w), c.shape[1]
    hidden, cell = _State(h, steps[0][1]), _State(c, steps[0][1])
    half = xp.full((n,), 0.5, dtype=x.dtype, device=device_of(x))
    slope = xp.concat([half, half, 2 * half, half])
    out, gates, cells = [], [], []
    for step in steps:
        gate = hidden.fit(xp, step[1]) @ across
        gate += _rows(x, step)
        gate = _bent(xp, gate, slope)
        now = gate[:, n : 2 * n] * cell.fit(xp, step[1])
        now += gate[:, :n] * gate[:, 2 * n : 3 * n]
        hidden.now, cell.now = gate[:, 3 * n :] * xp.tanh(now), now
        if r is not None:
            hidden.now = hidden.now @ xp.matrix_transpose(r)
        out.append(hidden.now)
        gates.append(gate)
        cells.append(now)
    packed = [_in_time(xp, parts, reverse) for parts in (out, gates, cells)]
    return packed[0], hidden.end(xp), cell.end(xp), packed[1], packed[2]


def _bent(xp: Any, x: Any, slope: Any) -> Any:
    """sigmoid(x) where `slope` is 1/2, tanh(x) where it is 1; `x` is the caller's own array.

    One tanh for all, as sigmoid(x) = 1/2 + tanh(x/2) / 2: half the time of sigmoids with exponentials. Near 0 that is
    exact to the rounding of 1 only; near 1 the slope s (1 - s), of any sigmoid, is no better.
    """
    x *= slope
    x = xp.tanh(x)
    x *= slope
    x += 1 - slope
    return x


def _lstm_rule(xp: Any, g: Any, h: Any, c: Any, w: Any, r: Any, y: Any, sizes: tuple[int, ...] = (),
               reverse: bool = False) -> tuple[Any, ...]:  # fmt: skip
    """The gradient of a gate before its bend is that of the cell, or of the output, times a factor that is known for
    all steps beforehand."""
    (g_out, g_h, g_c, g_gates, g_cells), (out, _, _, gates, cells) = g, y
    steps, n = _steps(sizes, reverse), c.shape[1]
    hidden, cell = _State(g_h, steps[-1][1]), _State(g_c, steps[-1][1])
    i, f, new, o = (gates[:, k * n : (k + 1) * n] for k in range(4))
    bent, met = xp.tanh(cells), _in_time(xp, _before(xp, cells, c, steps), reverse)
    slope = xp.concat([i * (1 - i), f * (1 - f), 1 - new * new, o * (1 - o)], axis=1)
    factor = xp.concat([new, met, i, bent], axis=1) * slope
    given = g_gates * slope
    through = o * (1 - bent * bent)
    g_x, g_hidden = [], []
    for step in reversed(steps):
        g_hidden.append(hidden.fit(xp, step[1]) + _rows(g_out, step))
        to_cell = g_hidden[-1] if r is None else g_hidden[-1] @ r
        g_cell = to_cell * _rows(through, step)
        g_cell += cell.fit(xp, step[1])
        g_cell += _rows(g_cells, step)
        before = xp.concat([g_cell, g_cell, g_cell, to_cell], axis=1)
        before *= _rows(factor, step)
        before += _rows(given, step)
        g_x.append(before)
        hidden.now, cell.now = before @ w, g_cell * _rows(f, step)
    packed = _in_time(xp, g_x, not reverse)
    met = _in_time(xp, _before(xp, out, h, steps), reverse)
    g_r = None if r is None else _product(xp, _in_time(xp, g_hidden, not reverse), o * bent)
    return packed, hidden.end(xp), cell.end(xp), _product(xp, packed, met), g_r


op("lstm", joint=_lstm_rule, forward=lstm, args="x h c w r", outputs="output last_h last_c gates cells")


# -- the gated recurrent unit --


def gru(xp: Any, x: Any, h: Any, w: Any, b: Any = None, *, sizes: tuple[int, ...],
        reverse: bool = False) -> tuple[Any, Any, Any]:  # fmt: skip
    """h' = (1 - z) n + z h, with (r, z) = sigmoid(x + m) and n = tanh(x + r m) of the parts of x and m = h wᵀ + b.

    Args:
        x: (rows of all steps, 3H), its parts r, z, n. h: (N, H), the state at first. w: (3H, H). b: (3H,) or None.
        sizes, reverse: as in `rnn`.

    Returns:
        All states, (rows, H); the last of each sequence; r, z, n and the last part of m of all steps, (rows, 4H).
    """
    steps, across, size = _steps(sizes, reverse), _across(xp, w), h.shape[1]
    half = xp.full((2 * size,), 0.5, dtype=x.dtype, device=device_of(x))
    state, out, kept = _State(h, steps[0][1]), [], []
    for step in steps:
        before, h = _rows(x, step), state.fit(xp, step[1])
        m = h @ across
        if b is not None:
            m += b
        r_and_z = _bent(xp, before[:, : 2 * size] + m[:, : 2 * size], half)
        m = m[:, 2 * size :]
        z = r_and_z[:, size:]
        n = r_and_z[:, :size] * m
        n += before[:, 2 * size :]
        n = xp.tanh(n)
        state.now = z * (h - n)
        state.now += n
        out.append(state.now)
        kept.append(xp.concat([r_and_z, n, m], axis=1))
    return _in_time(xp, out, reverse), state.end(xp), _in_time(xp, kept, reverse)


def _gru_rule(xp: Any, g: Any, h: Any, w: Any, b: Any, y: Any, sizes: tuple[int, ...] = (),
              reverse: bool = False) -> tuple[Any, ...]:  # fmt: skip
    (g_out, g_last, g_kept), (out, _, kept), size = g, y, h.shape[1]
    steps = _steps(sizes, reverse)
    met = _before(xp, out, h, steps)
    state, g_x, g_m = _State(g_last, steps[-1][1]), [], []
    for step, before in zip(reversed(steps), reversed(met), strict=True):
        r, z, n, m = (_rows(kept, step)[:, k * size : (k + 1) * size] for k in range(4))
        g_r, g_z, g_n, g_of_m = (_rows(g_kept, step)[:, k * size : (k + 1) * size] for k in range(4))
        g_h = state.fit(xp, step[1]) + _rows(g_out, step)
        g_n = (g_n + g_h * (1 - z)) * (1 - n * n)
        g_r = (g_r + g_n * m) * r * (1 - r)
        g_z = (g_z + g_h * (before - n)) * z * (1 - z)
        g_x.append(xp.concat([g_r, g_z, g_n], axis=1))
        g_m.append(xp.concat([g_r, g_z, g_n * r + g_of_m], axis=1))
        state.now = g_m[-1] @ w + g_h * z
    of_m = _in_time(xp, g_m, not reverse)
    g_b = None if b is None else xp.sum(of_m, axis=0)
    return _in_time(xp, g_x, not reverse), state.end(xp), _product(xp, of_m, _in_time(xp, met, reverse)), g_b


op("gru", joint=_gru_rule, forward=gru, args="x h w b", outputs="output last gates")
