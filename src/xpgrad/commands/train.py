"""``xpgrad train``: LeNet learns handwritten digits, and is tested on digits that it never saw."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

import xpgrad
from xpgrad import nn, optim
from xpgrad.utils.data import DataLoader, TensorDataset

from ..digits import Digits, IdxError, load_digits, load_idx_folder, tensors
from ..digits.lenet import LeNet
from ..io import save_file
from . import UserError, add_place, choose_place, plots, told

_TEST_BATCH = 250


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("train", help="train LeNet on handwritten digits", description=__doc__)
    add_place(command)
    command.add_argument("--epochs", type=_positive(int), default=15, metavar="N", help="(default: 15)")
    command.add_argument("--batch-size", type=_positive(int), default=32, metavar="N", help="(default: 32)")
    command.add_argument("--lr", type=_positive(float), default=0.05, metavar="X",
                         help="learning rate to begin with, lowered along a cosine (default: 0.05)")  # fmt: skip
    command.add_argument("--compile", action="store_true",
                         help="make the training step one program, where the backend has a compiler")  # fmt: skip
    command.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    command.add_argument("--data", type=Path, metavar="DIR",
                         help="folder with the MNIST files (default: 5,000 bundled digits)")  # fmt: skip
    command.add_argument("--save", type=Path, metavar="FILE", help="write the parameters, as safetensors")
    command.add_argument("--plot", type=Path, metavar="FILE", help="write a picture of the losses and the mistakes")
    command.set_defaults(command=train)


def train(options: argparse.Namespace) -> int:
    """Train, test, report."""
    _check_outputs(options)
    choose_place(options)
    with told(IdxError):
        learnt, held_back = load_idx_folder(options.data) if options.data else load_digits()
    xpgrad.manual_seed(options.seed)
    net = LeNet().to(options.device)
    print(f"LeNet learns {len(learnt):,} digits and is tested on {len(held_back):,} others "
          f"({xpgrad.get_backend().name}, seed {options.seed})")  # fmt: skip
    with tqdm(total=options.epochs * len(learnt), unit=" images", disable=None) as bar:

        def step(loss: float, images: int) -> None:
            if not math.isfinite(loss):
                raise UserError(f"the loss has become {loss}; try a smaller --lr")
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update(images)

        def epoch(number: int, losses: list[float]) -> None:
            right = _right(predictions(net, held_back, options.device), held_back)
            bar.write(f"epoch {number:2d}  loss {sum(losses) / len(losses):.6f}  accuracy {_percent(right, held_back)}")

        losses = fit(net, learnt, options, step, epoch)
    found = predictions(net, held_back, options.device)
    print(confusion_table(held_back.labels, found))
    print(f"accuracy {_percent(_right(found, held_back), held_back)}")
    if options.save:
        with told(ModuleNotFoundError):
            save_file(net.state_dict(), options.save, {"network": "xpgrad.digits.lenet.LeNet"})
        print(f"wrote {options.save}")
    if options.plot:
        plots.picture(options.plot, losses, held_back, found)
        print(f"wrote {options.plot}")
    return 0


def fit(net: Any, digits: Digits, options: argparse.Namespace, on_step: Callable[[float, int], None],
        on_epoch: Callable[[int, list[float]], None]) -> list[float]:  # fmt: skip
    """Train `net` on `digits`; returns the loss of every step.

    Args:
        options: ``epochs``, ``batch_size``, ``lr``, ``device`` and ``compile``.
        on_step: called after each step with its loss and the number of its images.
        on_epoch: called after each epoch with its number, from 1, and the losses of its steps.
    """
    images, labels = tensors(digits)
    loader = DataLoader(TensorDataset(images, labels), batch_size=options.batch_size, shuffle=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=options.lr, momentum=0.9, weight_decay=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * len(loader))

    def train_step(images: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    step = xpgrad.compile(train_step) if options.compile else train_step
    losses: list[float] = []
    net.train()
    for epoch in range(options.epochs):
        for some_images, some_labels in loader:
            losses.append(step(some_images.to(options.device), some_labels.to(options.device)).item())
            on_step(losses[-1], len(some_labels))
        on_epoch(epoch + 1, losses[-len(loader) :])
    return losses


def predictions(net: Any, digits: Digits, device: str) -> bytes:
    """What `net` takes each of the digits for."""
    found: list[int] = []
    net.eval()
    with xpgrad.no_grad():
        for start in range(0, len(digits), _TEST_BATCH):
            images, _ = tensors(digits[start : start + _TEST_BATCH])
            found += net(images.to(device)).argmax(dim=1).tolist()
    net.train()
    return bytes(found)


def confusion_table(labels: bytes, found: bytes) -> str:
    """How often each digit (a row) was taken for each (a column).

    Example:
        >>> from xpgrad.commands.train import confusion_table
        >>> print("\\n".join(confusion_table(bytes([0, 1, 1]), bytes([0, 1, 7])).splitlines()[1:4]))
                0    1    2    3    4    5    6    7    8    9
           0    1    .    .    .    .    .    .    .    .    .
           1    .    1    .    .    .    .    .    1    .    .
    """
    pairs = list(zip(labels, found, strict=True))
    lines = ["digit  taken for", "    " + "".join(f"{digit:5d}" for digit in range(10))]
    for digit in range(10):
        counts = [pairs.count((digit, other)) for other in range(10)]
        lines.append(f"{digit:4d}" + "".join(f"{count or '.':>5}" for count in counts))
    return "\n".join(lines)


def _right(found: bytes, digits: Digits) -> int:
    return sum(a == b for a, b in zip(found, digits.labels, strict=True))


def _percent(right: int, digits: Digits) -> str:
    return f"{100 * right / len(digits):.2f} %"


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A parser of positive numbers, for argparse."""

    def number(text: str) -> float:
        value = kind(text)
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{text} is not positive")
        return value

    number.__name__ = f"positive {kind.__name__}"
    return number


def _check_outputs(options: argparse.Namespace) -> None:
    """Tell before the training, not after it, what would keep its results from being written."""
    for path in filter(None, (options.save, options.plot)):
        if not path.resolve().parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.resolve().parent}")
        if path.is_dir():
            raise UserError(f"{path} is a folder; give a file's name")
    if options.plot:
        plots.check(options.plot)
