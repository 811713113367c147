"""The picture of a training: the loss of every step, and the digits that were taken for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..digits import SIDE, Digits
from ..io import replacing
from . import UserError, extra

_MISTAKES = 40  # as many are shown
_COLUMNS = 10


def check(path: Path) -> None:
    """Tell whether a picture can be written to `path`: is matplotlib here, and does it know the kind of file?"""
    canvas = _figure((1, 1)).canvas
    kinds = canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise UserError(f"{path}: no kind of picture ends in '{path.suffix}'; use one of .{', .'.join(sorted(kinds))}")


def picture(path: Path, losses: list[float], digits: Digits, found: bytes) -> None:
    """Draw the losses and the mistakes.

    Args:
        path: where to; the suffix says in which format.
        losses: the loss of every step.
        digits: what was tested.
        found: what each was taken for.
    """
    wrong = [i for i, label in enumerate(digits.labels) if found[i] != label]
    shown = wrong[:_MISTAKES]
    rows = -(-len(shown) // _COLUMNS)
    figure = _figure((9, 4 + 1.1 * rows))
    grid = figure.add_gridspec(1 + rows, _COLUMNS, height_ratios=[4] + [1.1] * rows)
    _draw_losses(figure.add_subplot(grid[0, :]), losses)
    for place, i in enumerate(shown):
        axes = figure.add_subplot(grid[1 + place // _COLUMNS, place % _COLUMNS])
        pixels = digits.images[i * SIDE * SIDE : (i + 1) * SIDE * SIDE]
        axes.imshow([list(pixels[row * SIDE : (row + 1) * SIDE]) for row in range(SIDE)], cmap="gray_r")
        axes.set_title(f"{digits.labels[i]} as {found[i]}", fontsize=8)
        axes.set_axis_off()
    right = len(digits) - len(wrong)
    more = f" (the first {_MISTAKES} are shown)" if len(wrong) > _MISTAKES else ""
    figure.suptitle(f"{right:,} of {len(digits):,} digits right, {len(wrong)} taken for others{more}")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _figure(size: tuple[float, float]) -> Any:
    """An empty figure that needs no screen."""
    return extra("matplotlib.figure", "--plot", "plot").Figure(figsize=size, layout="constrained")


def _draw_losses(axes: Any, losses: list[float]) -> None:
    """Every step's loss in a pale line, and their running mean over about a fiftieth of all in a strong one."""
    span = max(1, len(losses) // 50)
    means = [sum(losses[max(0, i - span) : i + 1]) / (i + 1 - max(0, i - span)) for i in range(len(losses))]
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=0.8, label="each step")
    axes.plot(steps, means, color="tab:blue", label=f"mean of {span + 1}")
    axes.set(xlabel="step", ylabel="cross-entropy (nats)", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
