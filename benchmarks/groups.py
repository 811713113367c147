"""What is timed against what, and how far apart the two may be. Each group runs in a process of its own, by
`run.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import networks
import peers
from timing import Apart, compare, products

Row = dict[str, Any]
BATCHES = (1, 16, 64, 256)


def row(workload: str, against: str, ours: float, theirs: float, limit: float | None = None) -> Row:
    """One line of the report: the ratio of ours to theirs, and what it should not exceed."""
    return {
        "workload": workload,
        "against": against,
        "ratio": ours / theirs,
        "limit": limit,
        "ours": ours,
        "theirs": theirs,
    }


def _libraries(threads: int | None) -> tuple[Any, Any]:
    import torch

    import xpgrad
    import xpgrad.optim

    if threads:
        torch.set_num_threads(threads)
    return xpgrad, torch


def _pair(workload: str, network: str, args: tuple[Any, ...], threads: int | None, limit: float | None) -> Row:
    """xpgrad on NumPy beside PyTorch; with the default threads each in a process of its own."""
    if threads is None:
        t = compare({name: Apart(name, network, *args) for name in ("xpgrad", "torch")})
    else:
        t = compare({lib.__name__: getattr(networks, network)(lib, *args) for lib in _libraries(threads)})
    return row(workload, "PyTorch eager", t["xpgrad"], t["torch"], limit)


def _products(step_of: Callable[[Any], Any]) -> Any:
    """The matrix products of an xpgrad step, alone."""
    import spying

    import xpgrad

    step = step_of(xpgrad)
    cells = [c.cell_contents for c in step.__closure__ or ()]
    tensors = [c for c in cells if isinstance(c, xpgrad.Tensor)]
    for module in (c for c in cells if isinstance(c, xpgrad.nn.Module)):
        tensors += list(module.parameters())
    for t in tensors:
        t.data = xpgrad.as_tensor(spying.Array(t.array))
    return products(step)


def lenet(threads: int | None) -> list[Row]:
    """The tutorial's training step."""
    if threads is None:
        return [_pair(f"LeNet step, NumPy, batch {n}", "lenet_step", (n,), threads, 0.8) for n in BATCHES]
    xpgrad, torch = _libraries(threads)
    rows = []
    for batch in BATCHES:
        t = compare({
            "xpgrad": networks.lenet_step(xpgrad, batch), "torch": networks.lenet_step(torch, batch),
            "mygrad": peers.mygrad_lenet(batch),
            "products": _products(lambda lib, n=batch: networks.lenet_step(lib, n)),
        })  # fmt: skip
        limits = {"torch": ("PyTorch eager", 1.0 if batch == 1 else 0.85),
                  "mygrad": ("MyGrad", 0.4 if batch == 1 else 0.2),
                  "products": ("its own matrix products", 1.6 if batch >= 64 else None)}  # fmt: skip
        for peer, (against, limit) in limits.items():
            rows.append(row(f"LeNet step, NumPy, batch {batch}", against, t["xpgrad"], t[peer], limit))
    return rows


def convolutions(threads: int | None) -> list[Row]:
    """Convolution layers, forward and backward."""
    rows = []
    for name in networks.CONVOLUTIONS:
        named = name in ("16x64x28x28 k3", "16x256x14x14 k3")
        limit = 1.2 if named and threads is None else None
        rows.append(_pair(f"conv {name}", "convolution_step", (name,), threads, limit))
        if threads == 1 and "depthwise" not in name:
            import xpgrad

            t = compare({"xpgrad": networks.convolution_step(xpgrad, name),
                         "products": _products(lambda lib, n=name: networks.convolution_step(lib, n))})  # fmt: skip
            rows.append(
                row(f"conv {name}", "its own matrix products", t["xpgrad"], t["products"], 1.25 if named else None)
            )
    return rows


def blocks(threads: int | None) -> list[Row]:
    """A residual block, two transformer blocks, an LSTM."""
    default = threads is None
    return [
        _pair("ResNet basic block 16x64x28x28", "residual_block", (), threads, 1.5 if default else None),
        _pair("two transformer blocks 8x64x128", "transformer_step", (), threads, 1.0 if default else 1.2),
        _pair("LSTM 128, 64 steps, batch 8", "lstm_step", (), threads, None),
    ]


def overhead(threads: int | None) -> list[Row]:
    """What one recorded op costs on 4 elements, forward and backward."""
    xpgrad, torch = _libraries(threads)
    t = compare({"xpgrad": networks.overhead_step(xpgrad), "torch": networks.overhead_step(torch),
                 "autograd": peers.autograd_overhead(), "mygrad": peers.mygrad_overhead()})  # fmt: skip
    t = {name: seconds / networks.OPS_IN_CHAIN for name, seconds in t.items()}
    limits = (("torch", "PyTorch eager", 1.0), ("autograd", "HIPS autograd", 0.4), ("mygrad", "MyGrad", None))
    return [row("recorded op, NumPy", label, t["xpgrad"], t[name], limit) for name, label, limit in limits]


def on_torch(threads: int | None) -> list[Row]:
    """LeNet on PyTorch's arrays, against PyTorch's own autograd."""
    xpgrad, torch = _libraries(threads)
    rows = []
    with xpgrad.backend("torch"):
        for batch in BATCHES:
            t = compare({"xpgrad": networks.lenet_step(xpgrad, batch), "torch": networks.lenet_step(torch, batch)})
            rows.append(
                row(f"LeNet step on torch arrays, batch {batch}", "PyTorch's autograd", t["xpgrad"], t["torch"], 1.5)
            )
    return rows


def compiled(threads: int | None) -> list[Row]:
    """The same imperative LeNet step compiled on jax, against a program written by hand."""
    import jax

    import xpgrad

    rows = []
    with xpgrad.backend("jax"):
        for batch in BATCHES:
            step = xpgrad.compile(networks.lenet_step(xpgrad, batch))
            t = compare(
                {"xpgrad": lambda step=step: jax.block_until_ready(step().array), "jax": peers.jax_lenet(batch)}
            )
            rows.append(
                row(f"LeNet step compiled on jax, batch {batch}", "hand-written jax.jit", t["xpgrad"], t["jax"], 1.1)
            )
    return rows


def imports(threads: int | None) -> list[Row]:
    """What `import xpgrad` adds to `import numpy`, in milliseconds."""
    code = "import time, numpy; a = time.perf_counter(); import xpgrad; print((time.perf_counter() - a) * 1e3)"
    times = sorted(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(11)
    )
    return [row("import xpgrad", "40 ms beyond import numpy", times[5], 40.0, 1.0)]


_PEAK = """
import resource, sys
sys.path.insert(0, {here!r})
import networks
lib = __import__({name!r})
import {name}.nn, {name}.optim
if {name!r} == "torch": lib.set_num_threads(1)
lib.ones(2).sum()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step = networks.lenet_step(lib, 256)
for _ in range(3): step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def memory(threads: int | None) -> list[Row]:
    """Peak memory of a LeNet step of batch 256, beyond each library's import, in KiB."""
    here = __file__.rpartition("/")[0]
    peak = {
        name: float(
            subprocess.run(
                [sys.executable, "-c", _PEAK.format(here=here, name=name)], capture_output=True, text=True, check=True
            ).stdout
        )
        for name in ("xpgrad", "torch")
    }
    return [row("peak memory of the LeNet step, batch 256", "PyTorch eager", peak["xpgrad"], peak["torch"], 1.5)]


def growth(threads: int | None) -> list[Row]:
    """How time grows with batch, width and depth: the slope of log time over log size, ours beside PyTorch's."""
    import math

    xpgrad, torch = _libraries(threads)
    rows = []
    for what, sizes in (("batch", (64, 256, 1024)), ("width", (64, 256, 1024)), ("depth", (2, 8, 32))):
        points: dict[str, list[float]] = {"xpgrad": [], "torch": []}
        for size in sizes:
            args = {"batch": 128, "width": 128, "depth": 4} | {what: size}
            t = compare(
                {"xpgrad": networks.mlp_step(xpgrad, **args), "torch": networks.mlp_step(torch, **args)}, rounds=7
            )
            for name in points:
                points[name].append(t[name])
        slopes = {name: math.log(p[-1] / p[0]) / math.log(sizes[-1] / sizes[0]) for name, p in points.items()}
        rows.append(row(f"slope of time over {what}", "PyTorch's slope", slopes["xpgrad"], slopes["torch"])
                    | {"sizes": sizes, "points": points})  # fmt: skip
    return rows


def machine(threads: int | None) -> list[Row]:
    """How NumPy's matrix product stands to PyTorch's here, on 512 x 512."""
    import numpy as np
    import torch

    if threads:
        torch.set_num_threads(threads)
    a = np.random.default_rng(0).standard_normal((512, 512)).astype("float32")
    b = torch.from_numpy(a)
    t = compare({"numpy": lambda: a @ a, "torch": lambda: b @ b})
    return [row("NumPy's matrix product 512x512", "PyTorch's", t["numpy"], t["torch"])]


# group -> the thread counts it runs with; None is each library's default
GROUPS: dict[Callable[[int | None], list[Row]], tuple[int | None, ...]] = {
    machine: (1, None), lenet: (1, None), convolutions: (1, None), blocks: (1, None), overhead: (1,), on_torch: (1,),
    compiled: (1,), imports: (1,), memory: (1,), growth: (1,),
}  # fmt: skip
