"""Two libraries side by side: the same seeded training of LeNet, and each kernel, layer and loss.

Differences are told in ulps of float32: units in the last place of the largest number in an array, since near zero a
difference in its own last place says nothing.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from tqdm import tqdm

import xpgrad

from . import results
from .cases import Case, numbered
from .evaluate import Place, draw, place, stages
from .judge import text_of

STEPS, BATCH = 40, 32


def training(at: Place, steps: int = STEPS) -> list[float]:
    """The losses of the first steps of LeNet on the bundled digits, from seed 0."""
    from xpgrad import digits, nn, optim
    from xpgrad.digits.lenet import LeNet

    with xpgrad.backend(at.backend.name):
        xpgrad.manual_seed(0)
        device = at.put(np.zeros(1, dtype="float32")).device
        net, loss_of = LeNet().to(device), nn.CrossEntropyLoss()
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        images, labels = digits.tensors(digits.load_digits()[0])
        order = xpgrad.randperm(len(labels))[: steps * BATCH]
        images, labels = images[order].to(device), labels[order].to(device)
        losses = []
        for k in range(0, steps * BATCH, BATCH):
            optimizer.zero_grad()
            loss = loss_of(net(images[k : k + BATCH]), labels[k : k + BATCH])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def ulps(a: Any, b: Any) -> float:
    """The largest difference of two arrays, in units in the last place of their largest number.

    Example:
        >>> import numpy as np
        >>> one = np.ones(2, dtype="float32")
        >>> ulps(one, one + np.finfo("float32").eps)
        1.0
    """
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.dtype.kind not in "fc" or not a.size:
        return float(np.any(a != b)) and float("inf")
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    largest = np.max(np.abs(a[finite]), initial=0.0)
    if not largest:
        largest = np.max(np.abs(b[finite]), initial=0.0)
    return float(np.max(np.abs(a[finite] - b[finite]), initial=0.0) / np.spacing(largest)) if largest else 0.0


def difference(case: Case, first: Place, second: Place) -> float | str:
    """The largest difference of a case's result and gradients in float32, or what one of the libraries says."""
    found = []
    for at in (first, second):
        try:
            with xpgrad.backend(at.backend.name):
                walk = stages(case, at, [at.put(a) for a in draw(case, "float32")], min(case.order, 1))
                found.append([None if t is None else at.host(t) for stage in walk for t in stage])
        except Exception as error:
            return f"{at.backend.name}: {text_of(error)[:90]}"
    pairs = zip(*found, strict=True)
    return max((ulps(a, b) for a, b in pairs if a is not None and b is not None), default=0.0)


def show(a: str, b: str, *, device: str | None = None, only: str | None = None) -> int:
    """Print the comparison of two libraries; returns the exit status."""
    try:
        first, second = place(a, device), place(b, device)
    except (ValueError, ModuleNotFoundError, RuntimeError) as error:
        print(f"xpgrad: error: {error}", file=sys.stderr)
        return 2
    worst: dict[str, float | str] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if only is None:
            _show_training(a, b, training(first), training(second))
        chosen = [c for c in numbered().values() if results.floor(c.op) != "rules" and only in (None, c.op)]
        for case in tqdm(chosen, desc=f"{a}, {b}", unit="case", file=sys.stderr, disable=None):
            found = difference(case, first, second)
            old = worst.get(case.op, 0.0)
            if isinstance(found, str) or (not isinstance(old, str) and found >= old):
                worst[case.op] = found
    print("largest difference in float32, in ulps of the largest number of an array:")
    for op, value in sorted(worst.items(), key=lambda item: -item[1] if isinstance(item[1], float) else -np.inf):
        print(f"  {op:28} {value if isinstance(value, str) else f'{value:10.1f}'}")
    return 0


def _show_training(a: str, b: str, first: list[float], second: list[float]) -> None:
    apart = [abs(x - y) for x, y in zip(first, second, strict=True)]
    k = int(np.argmax(apart))
    ulp = float(np.spacing(np.float32(first[k])))
    print(f"LeNet, {len(first)} steps of {BATCH} digits: loss {first[0]:.6f} to {first[-1]:.6f} on {a}, "
          f"{second[0]:.6f} to {second[-1]:.6f} on {b}")  # fmt: skip
    print(f"  they part by at most {apart[k]:.2g} ({apart[k] / ulp:.0f} ulps), at step {k + 1}")
