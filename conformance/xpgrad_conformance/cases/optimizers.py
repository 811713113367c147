"""Optimizers: four steps from the same point with the same gradients, in xpgrad and in PyTorch alike."""

from __future__ import annotations

import inspect
from typing import Any

from . import case, real


def optimizer(name: str, about: str = "", **options: Any) -> None:
    """Put an optimizer into the table; `options` are its constructor's."""

    def run(lib: Any, start: Any, slope: Any) -> Any:
        w = start.detach().clone().requires_grad_()
        chosen = getattr(lib.optim, name)([w], **options)
        for k in range(1, 5):

            def loss(k: int = k) -> Any:
                w.grad = (slope * (2 - k) + w * 0.1).detach()
                return (w.detach() * w.grad).sum()

            chosen.step(loss) if name == "LBFGS" else (loss(), chosen.step())
        return w.detach()

    def ours(xp: Any, *tensors: Any) -> Any:
        import xpgrad

        return run(xpgrad, *tensors)

    case(f"optim.{name}", real(3, 2), real(3, 2), call=ours, torch=run, order=0, about=about)


def uncovered() -> list[str]:
    """The optimizers of ``xpgrad.optim`` that have no case."""
    from xpgrad import optim

    from . import CASES

    kinds = {
        n for n in dir(optim) if inspect.isclass(getattr(optim, n)) and issubclass(getattr(optim, n), optim.Optimizer)
    }
    return sorted(kinds - {c.op.removeprefix("optim.") for c in CASES} - {"Optimizer"})


optimizer("SGD", lr=0.1)
optimizer("SGD", "momentum, dampening", lr=0.1, momentum=0.9, dampening=0.2)
optimizer("SGD", "nesterov, weight decay", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)
optimizer("SGD", "maximize", lr=0.1, maximize=True)
for _name in ("Adam", "AdamW"):
    optimizer(_name, lr=0.05)
    optimizer(_name, "amsgrad, weight decay", lr=0.05, amsgrad=True, weight_decay=0.1)
optimizer("RMSprop", lr=0.05)
optimizer("RMSprop", "centered, momentum", lr=0.05, centered=True, momentum=0.8, weight_decay=0.1)
optimizer("Adagrad", lr=0.1, lr_decay=0.1, weight_decay=0.05)
optimizer("Adadelta", lr=0.5, rho=0.8, weight_decay=0.05)
optimizer("Adamax", lr=0.05, weight_decay=0.1)
for _name in ("NAdam", "RAdam"):
    optimizer(_name, lr=0.05)
    optimizer(_name, "decoupled weight decay", lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)
optimizer("ASGD", lr=0.05, weight_decay=0.1)
optimizer("Rprop", lr=0.05)
optimizer("Adafactor", lr=0.05, weight_decay=0.1)
optimizer("Muon", lr=0.05)
optimizer("LBFGS", lr=0.2, max_iter=3)
optimizer("Adagrad", "first sum", lr=0.1, initial_accumulator_value=0.3)
for _name in ("Adadelta", "Adamax", "NAdam", "RAdam"):
    optimizer(_name, "maximize", lr=0.05, maximize=True)
optimizer("RAdam", "rectified", lr=0.05, betas=(0.9, 0.95))
optimizer("ASGD", "averaged from the second step", lr=0.05, t0=1.0)
optimizer("Adafactor", "clipped", lr=0.05, d=1.2)
