"""The in-place twins of Tensor's methods: what writes its result into its first argument, and what reshapes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from ..views import View, in_place, refuse_leaf

# every one of these methods has a twin with an underscore behind its name
WRITING = (
    "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan", "atan2", "atanh",
    "baddbmm", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "conj_physical", "copysign", "cos", "cosh",
    "cumprod", "cumsum", "deg2rad", "digamma", "div", "divide", "eq", "erf", "erfc", "erfinv", "exp", "exp2",
    "expm1", "fix", "float_power", "floor", "floor_divide", "fmod", "frac", "gcd", "ge", "greater", "greater_equal",
    "gt", "heaviside", "hypot", "i0", "igamma", "igammac", "index_add", "index_copy", "index_fill", "index_put",
    "index_reduce", "lcm", "ldexp", "le", "lerp", "less", "less_equal", "lgamma", "log", "log10", "log1p", "log2",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "lt", "masked_fill", "masked_scatter",
    "mul", "multiply", "mvlgamma", "nan_to_num", "ne", "neg", "negative", "nextafter", "not_equal", "polygamma",
    "pow", "put", "rad2deg", "reciprocal", "relu", "remainder", "renorm", "round", "rsqrt", "scatter",
    "scatter_add", "scatter_reduce", "sgn", "sigmoid", "sign", "sin", "sinc", "sinh", "sqrt", "square", "sub",
    "subtract", "tan", "tanh", "tril", "triu", "true_divide", "trunc", "xlogy",
)  # fmt: skip
RESHAPING = ("squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims")

# the twins that are functions too
FUNCTIONS = (
    "abs_", "acos_", "acosh_", "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_", "arctanh_",
    "asin_", "asinh_", "atan_", "atanh_", "ceil_", "clamp_", "clamp_max_", "clamp_min_", "clip_", "conj_physical_",
    "cos_", "cosh_", "deg2rad_", "erf_", "erfc_", "exp_", "exp2_", "expm1_", "fill_", "fix_", "floor_", "frac_",
    "gcd_", "i0_", "index_put_", "lcm_", "ldexp_", "log_", "log10_", "log1p_", "log2_", "logit_", "nan_to_num_",
    "neg_", "negative_", "rad2deg_", "reciprocal_", "relu_", "round_", "rsqrt_", "sigmoid_", "sin_", "sinc_",
    "sinh_", "sqrt_", "square_", "tan_", "tanh_", "trunc_", "xlogy_", "zero_", "detach_",
)  # fmt: skip


def _writing(name: str, f: Callable[..., Any]) -> Callable[..., Tensor]:
    def write(self: Tensor, *args: Any, **params: Any) -> Tensor:
        return in_place(self, name, lambda t: f(t, *args, **params))

    return write


def _flipped(matrix: Any) -> Any:
    """A matrix transposed, as a view."""
    return matrix.transpose(0, 1) if matrix.ndim == 2 else matrix


def _reshaping(name: str, f: Callable[..., Any]) -> Callable[..., Tensor]:
    def reshape(self: Tensor, *args: Any, **params: Any) -> Tensor:
        refuse_leaf(self)
        seen = f(self, *args, **params)
        if seen is self:
            return self  # type: ignore[no-any-return]
        before, view = self._view, seen._view
        steps = len(view.steps()) - len(before.steps())
        depth = before.depth + steps if before.base is not None else 0
        self._view = View(view.storage, view.path, before.base, depth, before.silent)
        self._array, self._node, self._index = seen._array, seen._node, seen._index
        return self

    return reshape


def attach() -> None:
    """Give Tensor the twins of the methods that it has."""
    for names, make in ((WRITING, _writing), (RESHAPING, _reshaping)):
        for name in names:
            f = getattr(Tensor, name, None) if name != "t" else _flipped
            if f is not None:
                twin = make(f"{name}_", f)
                twin.__name__ = f"{name}_"
                twin.__doc__ = f"`{name}`, in place."
                setattr(Tensor, f"{name}_", twin)


def functions() -> dict[str, Callable[..., Any]]:
    """The twins that are functions of the module too, by name."""
    return {name: getattr(Tensor, name) for name in FUNCTIONS if hasattr(Tensor, name)}
