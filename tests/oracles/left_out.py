"""What of PyTorch is left out on purpose, and where xpgrad deviates; each with its reason, in this one place."""

from __future__ import annotations

import fnmatch

# pattern -> reason; these entries of PyTorch's databases do not count
LEFT_OUT = {
    "_*": "private",
    "ops.*": "private",
    "*sparse*": "sparse layouts: the Array API has dense arrays alone",
    "nn.functional.multi_head_attention_forward": "random: its one sample drops out; compared in test_attention.py",
    "nn.functional.*dropout*": "random: compared in its own tests, by recorded numbers",
    "*rand*": "random: compared in its own tests",
    "normal*": "random: compared in its own tests",
    "bernoulli": "random: compared in its own tests",
    "multinomial": "random: compared in its own tests",
    "uniform": "random: compared in its own tests",
    "cauchy": "random: compared in its own tests",
    "exponential": "random: compared in its own tests",
    "geometric": "random: compared in its own tests",
    "log_normal": "random: compared in its own tests",
    "nn.functional.rrelu": "random: compared in its own tests",
    "nn.functional.fractional_max_pool*": "random windows",
    "as_strided*": "views of memory: arrays of the standard have no strides",
    "empty*": "uninitialised memory",
    "new_empty*": "uninitialised memory",
    "resize*": "views of memory",
    "view_as_*": "views of memory",
    "*_copy": "private",
    "to_sparse": "sparse layouts: the Array API has dense arrays alone",
    "jiterator_*": "CUDA's run-time compiler",
    "torch.ops.*": "private",
    "torch._*": "private",
    "*_backward": "private: gradients come from the graph",
    "hash_tensor": "a checksum of the bits of memory",
    "chalf": "the Array API has no complex numbers of 16-bit parts",
    "slice": "no name of PyTorch's namespace: an op of its inner level",
    "linalg.ldl_*": "pivots of one or two rows, chosen by the numbers; the standard has no such factorisation",
    "*_lowrank": "random projections",
}

# argument -> reason; these arguments of PyTorch's functions raise a TypeError
ARGUMENTS_LEFT_OUT = {
    "out=": "arrays are values; `t.copy_(f(...))` writes a result into a Tensor",
}

# entry -> reason: present, and different in some sample
DEVIATIONS: dict[str, str] = {
    **{f"special.{name}": "PyTorch's values are right to about 1e-7 only; xpgrad's agree with SciPy's to 1e-14"
       for name in ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")},
    "cholesky_inverse": "the triangle of L that is not read gets no gradient; PyTorch gives it that of a full matrix",
    "cholesky_solve": "the triangle of L that is not read gets no gradient; PyTorch gives it that of a full matrix",
    "linalg.pinv.hermitian": "PyTorch reads one triangle for the value, both for the gradient, and the samples "
                             "are not Hermitian",
    "bfloat16": "NumPy has no bfloat16; on a library that has it, the cast is there",
}


def excluded(name: str) -> bool:
    """Whether an entry does not count."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in LEFT_OUT)


# pattern -> reason; these layers and functions of layers are left out
MODULES_LEFT_OUT = {
    "nn.FractionalMaxPool*": "random windows, and no network in use has them",
    "nn.Lazy*": "without a state to load before the first call; compared in their own tests",
    "nn.SyncBatchNorm": "statistics over several processes; an array that is spread over devices needs no such layer",
    "nn.LinearCrossEntropyOptions": "how PyTorch saves memory; the numbers are the same without",
    "nn.Container": "deprecated in PyTorch for years",
}

# module -> reason: present, and different in some sample
MODULE_DEVIATIONS: dict[str, str] = {}


def excluded_module(name: str) -> bool:
    """Whether an entry of the database of modules does not count."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in MODULES_LEFT_OUT)
