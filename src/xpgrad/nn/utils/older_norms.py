"""Weight and spectral normalization in their older form: computed anew by a hook before each forward."""

from __future__ import annotations

import warnings
from typing import Any

from ... import creation
from ...modes import no_grad
from .. import functional as F
from ..parameter import Parameter
from .power import as_matrix


def norm_except(v: Any, dim: int | None) -> Any:
    """The norm of each slice along `dim`, with the other axes of length 1; of the whole for None."""
    xp = v.__array_namespace__()
    if dim is None or dim == -1:
        return xp.linalg.vector_norm(v)
    axes = tuple(d for d in range(v.ndim) if d != dim % v.ndim)
    return xp.linalg.vector_norm(v, axis=axes, keepdims=True)


def weight_of(g: Any, v: Any, dim: int | None) -> Any:
    """g v / |v|."""
    return v * (g / norm_except(v, dim))


class WeightNorm:
    """The hook of `weight_norm`."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = dim

    def compute_weight(self, module: Any) -> Any:
        """The weight, from norm and direction."""
        return weight_of(getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v"), self.dim)

    def __call__(self, module: Any, inputs: Any) -> None:
        object.__setattr__(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be g v / |v|: parameters ``<name>_g`` and ``<name>_v``. Salimans and Kingma (2016).

    Raises:
        RuntimeError: if that was done before.
    """
    warnings.warn("`torch.nn.utils.weight_norm` is deprecated in favor of "
                  "`torch.nn.utils.parametrizations.weight_norm`.", FutureWarning, stacklevel=2)  # fmt: skip
    if any(isinstance(h, WeightNorm) and h.name == name for h in _before(module)):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    weight = getattr(module, name)
    hook = WeightNorm(name, dim)
    with no_grad():
        g, v = norm_except(weight, dim), weight.detach()
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(g))
    module.register_parameter(f"{name}_v", Parameter(v))
    object.__setattr__(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def _before(module: Any) -> list[Any]:
    return [entry[0] for entry in module._hooks_of("forward_pre")]


def _removed(module: Any, kind: type, name: str, what: str) -> Any:
    hooks = module._hooks.get("forward_pre")
    for key, (hook, *_) in list(hooks.calls.items()) if hooks is not None else []:
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            del hooks.calls[key]
            return hook
    raise ValueError(f"{what} of '{name}' not found in {module}")


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo `weight_norm`.

    Raises:
        ValueError: if there is none.
    """
    hook = _removed(module, WeightNorm, name, "weight_norm")
    with no_grad():
        weight = hook.compute_weight(module)
    object.__delattr__(module, name)
    delattr(module, f"{name}_g")
    delattr(module, f"{name}_v")
    module.register_parameter(name, Parameter(weight))
    return module


class SpectralNorm:
    """The hook of `spectral_norm`."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """The weight divided by its spectral norm."""
        weight, u, v = (getattr(module, f"{self.name}_{end}") for end in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                xp = matrix.__array_namespace__()
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(xp.matmul(xp.matrix_transpose(matrix), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(xp.matmul(matrix, v), dim=0, eps=self.eps))
        xp = weight.__array_namespace__()
        return weight / xp.vecdot(u.clone(), xp.matmul(matrix, v.clone()))

    def __call__(self, module: Any, inputs: Any) -> None:
        object.__setattr__(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Any:  # fmt: skip
    """Divide a weight by its largest singular value: parameter ``<name>_orig``. Miyato et al. (2018).

    Raises:
        ValueError: unless `n_power_iterations` is positive. RuntimeError: if that was done before.
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    if any(isinstance(h, SpectralNorm) and h.name == name for h in _before(module)):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if "ConvTranspose" in type(module).__name__ else 0
    weight = module._parameters[name]
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    with no_grad():
        h, w = as_matrix(weight, dim).shape
        u, v = (creation.randn(n, dtype=weight.dtype, device=weight.device) for n in (h, w))
        u, v = F.normalize(u, dim=0, eps=eps), F.normalize(v, dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    object.__setattr__(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo `spectral_norm`; the weight keeps its normalized value.

    Raises:
        ValueError: if there is none.
    """
    hook = _removed(module, SpectralNorm, name, "spectral_norm")
    with no_grad():
        weight = hook.compute_weight(module, do_power_iteration=False)
    object.__delattr__(module, name)
    for end in ("u", "v", "orig"):
        delattr(module, f"{name}_{end}")
    module.register_parameter(name, Parameter(weight.detach()))
    return module
