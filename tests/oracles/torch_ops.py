"""PyTorch's own database of its ops as an oracle: its sample inputs, through PyTorch and through xpgrad.

``python tests/oracles/torch_ops.py [PATTERN]`` prints a line for each op: pass, absent, or what differs. The ops that
are left out on purpose, with the reasons, are in `left_out.py`.
"""

from __future__ import annotations

import fnmatch
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from left_out import DEVIATIONS, excluded
from torch.testing._internal.common_methods_invocations import op_db

import xpgrad

TOLERANCE = 1e-9  # of values, relative and absolute; ten times that for gradients


def entries() -> list[Any]:
    """The entries that count: of some dtype on this machine, not sparse, random, private, nor views of memory."""
    return [o for o in op_db if o.dtypes and not excluded(o.name)]


def label(entry: Any) -> str:
    """The entry's name with its variant."""
    return entry.name + (f".{entry.variant_test_name}" if entry.variant_test_name else "")


# entries whose samples give the arguments in another order than the function takes them
CALLED = {
    "where": lambda x, condition, other: xpgrad.where(condition, x, other),
    "einsum": lambda operands, equation: xpgrad.einsum(equation, operands),
    "linalg.pinv.singular": lambda a, b: xpgrad.linalg.pinv(a @ b.mT),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: xpgrad.linalg.lstsq(a, b, driver=driver)[:2],
    "nn.functional.embedding": lambda weight, indices, **how: xpgrad.nn.functional.embedding(indices, weight, **how),
    "polygamma": lambda x, n: xpgrad.polygamma(n, x),
    "special.polygamma": lambda x, n: xpgrad.special.polygamma(n, x),
    "slice": None,  # an op of PyTorch's inner level, without a name in its namespace
}

UP_TO_PHASE = ("linalg.eig", "linalg.eigh", "linalg.svd", "svd")  # vectors have a sign or a phase that is left open


def resolve(entry: Any) -> Any:
    """xpgrad's function for an entry, or its method or property, or None."""
    for name in (label(entry), entry.name):
        if name in CALLED:
            return CALLED[name]
    at: Any = xpgrad
    try:
        for part in entry.name.split("."):
            at = getattr(at, part)
    except (AttributeError, ImportError):
        at = None
    if not callable(at):
        at = getattr(xpgrad.Tensor, entry.name, None)
    if entry.name.endswith("_") and at is not None:
        return lambda x, *args, **kwargs: at(x.clone(), *args, **kwargs)  # as the database's own entry does
    return at.fget if isinstance(at, property) else at


def chosen(array: Any) -> Any:
    """NumPy's array as a Tensor of the chosen backend."""
    return xpgrad.tensor(array).to_backend(xpgrad.get_backend().name)


def ours(value: Any, made: dict[int, Any]) -> Any:
    """PyTorch's argument as xpgrad's."""
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            t = chosen(np.array(value.detach().resolve_conj().resolve_neg().numpy()))
            made[id(value)] = t.requires_grad_() if value.requires_grad else t
        return made[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(xpgrad, str(value).removeprefix("torch."))
    if isinstance(value, torch.nn.Module):
        return getattr(xpgrad.nn, type(value).__name__)()
    if callable(value) and hasattr(torch.nn.functional, getattr(value, "__name__", "")):
        return getattr(xpgrad.nn.functional, value.__name__)
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(ours(v, made) for v in value)
    if isinstance(value, dict):
        return {k: ours(v, made) for k, v in value.items()}
    if isinstance(value, slice):
        return slice(*(ours(v, made) for v in (value.start, value.stop, value.step)))
    return value


def tensors(value: Any, kind: type) -> Iterator[Any]:
    """The Tensors in a result, in order."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for v in value:
            yield from tensors(v, kind)
    elif isinstance(value, dict):
        for v in value.values():
            yield from tensors(v, kind)


def host(t: Any) -> Any:
    """Either library's Tensor as NumPy's array."""
    if isinstance(t, torch.Tensor):
        return t.detach().clone().resolve_conj().resolve_neg().numpy()  # a copy, of PyTorch's lazy zeros too
    return np.asarray(t.detach().numpy_array())


def compare(what: str, expected: Any, found: Any, tolerance: float) -> None:
    """Raise AssertionError if two results differ in shape, dtype or value."""
    a, b = host(expected), host(found)
    assert a.shape == b.shape, f"{what}: shape {b.shape}, expected {a.shape}"
    assert a.dtype == b.dtype, f"{what}: dtype {b.dtype}, expected {a.dtype}"
    if a.dtype in (np.float32, np.complex64):  # a few samples hold single precision
        tolerance = 1e-5
    np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance, equal_nan=True, err_msg=what)


def run_sample(entry: Any, sample: Any) -> None:
    """One sample: values, shapes, dtypes, and first-order gradients with random weights."""
    made: dict[int, Any] = {}
    f = resolve(entry)
    args = [ours(a, made) for a in (sample.input, *sample.args)]
    kwargs = {k: ours(v, made) for k, v in sample.kwargs.items()}
    expected = entry.op(sample.input, *sample.args, **sample.kwargs)
    found = f(*args, **kwargs)
    out_torch, out_ours = list(tensors(expected, torch.Tensor)), list(tensors(found, xpgrad.Tensor))
    if not out_torch:
        assert expected == found, f"value {found!r}, expected {expected!r}"
        return
    assert len(out_torch) == len(out_ours), f"{len(out_ours)} results, expected {len(out_torch)}"
    for i, (a, b) in enumerate(zip(out_torch, out_ours, strict=True)):
        if label(entry) in UP_TO_PHASE:
            assert a.shape == tuple(b.shape), f"output {i}: shape {tuple(b.shape)}, expected {tuple(a.shape)}"
        else:
            compare(f"output {i}", a, b, TOLERANCE)
    reduced = list(tensors(sample.output_process_fn_grad(expected), torch.Tensor))
    if not all(any(t is o for o in out_torch) for t in reduced):  # the sample's own part of a result that is not unique
        out_torch, out_ours = reduced, list(tensors(sample.output_process_fn_grad(found), xpgrad.Tensor))
        for i, (a, b) in enumerate(zip(out_torch, out_ours, strict=True)):
            compare(f"reduced output {i}", a, b, TOLERANCE)
    else:
        out_ours = [out_ours[next(i for i, o in enumerate(out_torch) if o is t)] for t in reduced]
        out_torch = reduced
    leaves = [t for t in {id(v): v for v in tensors([sample.input, *sample.args, sample.kwargs], torch.Tensor)}.values()
              if t.requires_grad]  # fmt: skip
    pairs = [(a, b, torch.randn(a.shape, dtype=a.dtype)) for a, b in zip(out_torch, out_ours, strict=True)
             if a.requires_grad]  # fmt: skip
    if not pairs or not leaves or not entry.supports_autograd:
        return
    given = torch.autograd.grad([a for a, _, _ in pairs], leaves, [w for _, _, w in pairs], allow_unused=True)
    tracked = [(b, xpgrad.tensor(np.array(w.numpy()))) for _, b, w in pairs if b.requires_grad]
    mine: Any = [None] * len(leaves)  # where no result depends on an argument, PyTorch's gradient must be 0
    if tracked:
        mine = xpgrad.autograd.grad([b for b, _ in tracked], [made[id(t)] for t in leaves], [w for _, w in tracked],
                                    allow_unused=True)  # fmt: skip
    for i, (a, b) in enumerate(zip(given, mine, strict=True)):
        if a is None or b is None:
            assert (a is None or not a.any()) and (b is None or not bool(b.any())), f"gradient {i}: one is absent"
        else:
            compare(f"gradient {i}", a, b, 10 * TOLERANCE)


def run(entry: Any, limit: int | None = None) -> str:
    """``pass``, ``absent``, ``deviation: ...`` or ``FAIL: ...`` for all samples of an entry."""
    if resolve(entry) is None:
        return "absent"
    dtype = next((d for d in (torch.float64, torch.int64, torch.bool) if d in entry.dtypes), torch.complex128)
    torch.manual_seed(0)
    xpgrad.manual_seed(0)
    reason = DEVIATIONS.get(label(entry))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grads = entry.supports_autograd and dtype.is_floating_point
        samples = itertools.islice(entry.sample_inputs("cpu", dtype, requires_grad=grads), limit)
        for i, sample in enumerate(samples):
            if sample.kwargs.get("dropout_p"):
                continue  # random: the stream is PyTorch's own, and differs between CPUs
            try:
                run_sample(entry, sample)
            except Exception as error:
                text = " ".join(f"{type(error).__name__}: {error}".split())[:240]
                return f"deviation: {reason}" if reason else f"FAIL: sample {i}: {text}"
    return f"FAIL: listed as a deviation ({reason}), but it passes" if reason else "pass"


def report(entries: list[Any], label: Callable[[Any], str], run: Callable[[Any], str]) -> int:
    """Print a line for each entry that the command's pattern names, and the counts; 1 if one fails."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    counts: dict[str, int] = {}
    for entry in entries:
        if fnmatch.fnmatch(label(entry), pattern):
            result = run(entry)
            kind = result.partition(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
            print(f"{label(entry):50} {result}", flush=True)
    print(counts)
    return 1 if "FAIL" in counts else 0


if __name__ == "__main__":
    sys.exit(report(entries(), label, run))
