"""L-BFGS: steps along the gradient, bent by what the last ones have shown of the curvature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..modes import enable_grad, no_grad
from ..tensor import current, make
from ..views import write
from .line_search import strong_wolfe
from .optimizer import Optimizer, number


class LBFGS(Optimizer):
    """Limited-memory BFGS. Liu and Nocedal (1989); `step` needs a closure, which it calls many times.

    Args:
        params: one group of parameters.
        lr: the length of a step, or where the line search begins.
        max_iter: how many steps a call of `step` takes.
        max_eval: how many times it calls the closure; 5/4 max_iter if not given.
        tolerance_grad: stop where no gradient is larger.
        tolerance_change: stop where loss or parameters change less.
        history_size: how many steps are remembered.
        line_search_fn: ``"strong_wolfe"``, or None for steps of length `lr`.

    Raises:
        ValueError: for several groups.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn, optim
        >>> x = nn.Parameter(xpgrad.tensor([-1.0, 2.0]))
        >>> optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> for _ in range(3):
        ...     _ = optimizer.step(closure)
        >>> bool((x - 1).abs().max() < 1e-3)
        True
    """

    def __init__(self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:  # fmt: skip
        if not lr >= 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, {"lr": lr, "max_iter": max_iter,
                                  "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                                  "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                                  "history_size": history_size, "line_search_fn": line_search_fn})  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    # -- all parameters as one vector of real numbers --

    @property
    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]  # type: ignore[no-any-return]

    def _gradient(self) -> Any:
        xp = self._params[0].library
        parts = []
        for p in self._params:
            g = current(p) * 0 if p.grad is None else current(p.grad)
            parts.append(xp.reshape(_parts(xp, g), (-1,)))
        return xp.concat(parts)

    def _move(self, start: list[Any], length: float, direction: Any) -> None:
        """Set the parameters to `start`, moved by `length` times `direction`."""
        xp, begin = self._params[0].library, 0
        for p, before in zip(self._params, start, strict=True):
            real = _parts(xp, before)
            end = begin + math.prod(real.shape)
            real = real + xp.reshape(direction[begin:end], real.shape) * length
            write(p, make(real[..., 0] + 1j * real[..., 1] if real.ndim > before.ndim else real))
            begin = end

    # -- a step --

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        if closure is None:
            raise TypeError("LBFGS.step() needs a closure that computes the loss and its gradients anew")
        asked: Callable[[], Any] = closure

        def evaluate() -> Any:
            with enable_grad():
                return asked()

        with no_grad():
            return self._minimize(evaluate)

    def _minimize(self, evaluate: Callable[[], Any]) -> Any:
        o, xp = self.param_groups[0], self._params[0].library
        if o["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        memory = _Memory(self.state[self._params[0]], xp)
        lr, tolerance = float(number(xp, o["lr"])), o["tolerance_change"]
        first = evaluate()
        loss, calls = float(first), 1
        memory.state["func_evals"] += 1
        g = self._gradient()
        if float(xp.max(xp.abs(g))) <= o["tolerance_grad"]:
            return first
        for iteration in range(1, o["max_iter"] + 1):
            d = memory.direction(g, o["history_size"])
            begin = memory.state["n_iter"] == 1
            length = min(1.0, 1.0 / float(xp.sum(xp.abs(g)))) * lr if begin else lr
            before, slope = loss, _dot(xp, g, d)
            memory.remember(d, length, g, loss)
            if slope > -tolerance:
                break
            start = [current(p) for p in self._params]
            used = 0
            if o["line_search_fn"] is not None:

                def along(t: float, start: Any = start, d: Any = d) -> tuple[float, Any, float]:
                    self._move(start, t, d)
                    value, gradient = float(evaluate()), self._gradient()
                    return value, gradient, _dot(xp, gradient, d)

                largest = float(xp.max(xp.abs(d)))
                loss, g, length, used = strong_wolfe(along, length, largest, loss, g, slope, o["max_eval"] - calls)
                memory.state["t"] = length
            self._move(start, length, d)
            if o["line_search_fn"] is None and iteration != o["max_iter"]:
                loss, used = float(evaluate()), 1
                g = self._gradient()
            calls += used
            memory.state["func_evals"] += used
            if (calls >= o["max_eval"] or float(xp.max(xp.abs(g))) <= o["tolerance_grad"]
                    or float(xp.max(xp.abs(d * length))) <= tolerance or abs(loss - before) < tolerance):  # fmt: skip
                break
        return first


class _Memory:
    """What the last steps have shown, in the optimizer's state under PyTorch's names."""

    def __init__(self, state: dict[str, Any], xp: Any) -> None:
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        self.state = state
        self.xp = xp

    def direction(self, g: Any, size: int) -> Any:
        """Minus the approximate inverse Hessian times `g`, by the recursion of two loops."""
        state, xp = self.state, self.xp
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -g
        y, s = g - current(state["prev_flat_grad"]), current(state["d"]) * float(state["t"])
        curvature = _dot(xp, y, s)
        if curvature > 1e-10:
            for name, value in (("old_dirs", make(y)), ("old_stps", make(s)), ("ro", 1.0 / curvature)):
                state[name] = [*state[name][-size + 1 :], value] if size > 1 else [value]
            state["H_diag"] = curvature / _dot(xp, y, y)
        pairs = [(current(y), current(s), float(r))
                 for y, s, r in zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)]  # fmt: skip
        d, shares = -g, []
        for y, s, r in reversed(pairs):
            shares.append(_dot(xp, s, d) * r)
            d = d - y * shares[-1]
        d = d * float(state["H_diag"])
        for (y, s, r), share in zip(pairs, reversed(shares), strict=True):
            d = d + s * (share - _dot(xp, y, d) * r)
        state["al"] = [*reversed(shares), *[None] * (size - len(shares))]
        return d

    def remember(self, d: Any, length: float, g: Any, loss: float) -> None:
        """The step that is about to be taken."""
        self.state.update(d=make(d), t=length, prev_flat_grad=make(g), prev_loss=loss)


def _dot(xp: Any, a: Any, b: Any) -> float:
    return float(xp.vecdot(a, b))


def _parts(xp: Any, a: Any) -> Any:
    """Real and imaginary parts of complex numbers along a new last axis."""
    return xp.stack([xp.real(a), xp.imag(a)], axis=-1) if dtypes.is_complex(a.dtype) else a
