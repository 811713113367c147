"""What all optimizers share: groups of parameters, their state, and how both are saved.

An optimizer is an *update rule*: a pure function of raw arrays,

    rule(xp, p, g, state, options) -> new p, new state

with `p` a parameter, `g` its gradient, `state` a dict of arrays (empty at first) and `options` its group. This room
finds the arrays, calls the rule without recording, and writes back what it returns.
"""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from .. import arrays, dtypes
from ..creation import zeros_like
from ..hooks import Handle, Hooks
from ..kernels.host import waits
from ..modes import enable_grad, no_grad
from ..op import Library, device_of, library_of
from ..tensor import Tensor, current, make, to_host
from ..views import put

State = dict[str, Any]
Rule = Callable[[Library, Any, Any, State, dict[str, Any]], tuple[Any, State]]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """The base class of optimizers.

    Args:
        params: Tensors, (name, Tensor) pairs, or dicts of which each is a group with options of its own.
        defaults: the options of a group that does not say otherwise.

    Attributes:
        param_groups: dicts of options, each with its ``params``.
        state: for each parameter, a dict of Tensors.
    """

    rule: Rule
    real = False  # whether complex parameters are refused

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            f"{type(params).__name__}")  # fmt: skip
        self.defaults = defaults
        self.state: defaultdict[Any, State] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._hooks: dict[str, Hooks] = {}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own.

        Raises:
            TypeError: unless it is a dict of Tensors in an ordered collection.
            ValueError: for a Tensor that is not a leaf, a parameter that another group has, or a missing option.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")  # fmt: skip
        entries = [params] if isinstance(params, Tensor) else list(params)
        named = [e for e in entries if isinstance(e, tuple)]
        if named and len(named) != len(entries):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        group = dict(param_group)
        if named:
            group["param_names"] = [name for name, _ in named]
            entries = [p for _, p in named]
        group["params"] = entries
        for p in entries:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        if len({id(p) for p in entries}) != len(entries):
            warnings.warn("optimizer contains a parameter group with duplicate parameters", stacklevel=3)
        if {id(p) for g in self.param_groups for p in g["params"]} & {id(p) for p in entries}:
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    # -- a step --

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss anew, gradients and all; called first.

        Returns:
            The closure's loss, or None.
        """
        args: tuple[Any, ...] = (closure,) if closure is not None else ()
        kwargs: dict[str, Any] = {}
        for hook in self._hooks_of("pre"):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(f"step pre-hook must return None or (new_args, new_kwargs), got {changed}")
                args, kwargs = changed
        loss = self._step(*args, **kwargs)
        for hook in self._hooks_of("post"):
            hook(self, args, kwargs)
        return loss

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._update(p, p.grad, group)
        return loss

    def _update(self, p: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        """Run the rule on one parameter, and write back what it returns."""
        state = self.state.get(p)
        if state is None:
            state = {}
        array, g = current(p), current(grad)
        xp, rule = library_of(array), type(self).rule
        held = {name: current(t) for name, t in state.items()}
        if dtypes.is_complex(array.dtype):
            if self.real:
                raise RuntimeError(f"{type(self).__name__} does not support complex parameters")
            value, after = _on_parts(rule, xp, array, g, held, group)
        else:
            value, after = rule(xp, array, g, held, group)
        put(p, value)
        if not state and after:
            self.state[p] = state
        for name, new in after.items():
            if name in state:
                put(state[name], new)
            else:
                state[name] = make(new)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = zeros_like(p.grad)

    # -- state --

    def state_dict(self) -> dict[str, Any]:
        """Options and state, with numbers in place of the parameters; PyTorch's optimizers can load it."""
        for hook in self._hooks_of("state_dict_pre"):
            hook(self)
        order = {id(p): i for i, p in enumerate(chain.from_iterable(g["params"] for g in self.param_groups))}
        groups = [{**{k: v for k, v in g.items() if k != "params"}, "params": [order[id(p)] for p in g["params"]]}
                  for g in self.param_groups]  # fmt: skip
        state = {order.get(id(p), p): dict(s) for p, s in self.state.items()}
        out: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks_of("state_dict"):
            out = hook(self, out) or out
        return out

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over options and state from `state_dict`, this library's or PyTorch's.

        Raises:
            ValueError: if the groups are not as many, or not as large, as here.
        """
        state_dict = dict(state_dict)
        for hook in self._hooks_of("load_pre"):
            state_dict = hook(self, state_dict) or state_dict
        saved = copy.deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        pairs = list(zip(self.param_groups, saved, strict=True))
        if any(len(ours["params"]) != len(theirs["params"]) for ours, theirs in pairs):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                             "optimizer's group")  # fmt: skip
        params = {i: p for ours, theirs in pairs for i, p in zip(theirs["params"], ours["params"], strict=True)}
        state: defaultdict[Any, State] = defaultdict(dict)
        for key, entries in state_dict["state"].items():
            p = params.get(key, key)
            state[p] = {k: _like(p, k, v) for k, v in entries.items()} if key in params else entries
        for ours, theirs in pairs:
            names = {"param_names": ours["param_names"]} if "param_names" in ours else {}
            kept = ours["params"]
            ours.clear()
            ours.update({**names, **theirs, "params": kept})
            for name, default in self.defaults.items():
                ours.setdefault(name, default)
        self.state = state
        for hook in self._hooks_of("load_post"):
            hook(self)

    # -- hooks --

    def _hooks_of(self, kind: str) -> list[Callable[..., Any]]:
        hooks = self._hooks.get(kind)
        return list(hooks.calls.values()) if hooks is not None else []

    def _add_hook(self, kind: str, hook: Callable[..., Any]) -> Handle:
        return self._hooks.setdefault(kind, Hooks()).add(hook)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer, args, kwargs)`` before each step; it may return new ones."""
        return self._add_hook("pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer, args, kwargs)`` after each step."""
        return self._add_hook("post", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer)`` before the state is collected."""
        return self._add_hook("state_dict_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer, state_dict)`` when it is; it may return another."""
        return self._add_hook("state_dict", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return self._add_hook("load_pre", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(optimizer)`` after loading."""
        return self._add_hook("load_post", hook)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _on_parts(rule: Rule, xp: Library, p: Any, g: Any, state: State, options: dict[str, Any]) -> tuple[Any, State]:
    """The rule on complex numbers: real and imaginary parts are updated as numbers of their own."""

    def apart(a: Any) -> Any:
        return xp.stack([xp.real(a), xp.imag(a)], axis=-1) if dtypes.is_complex(a.dtype) else a

    def joined(a: Any) -> Any:
        return a[..., 0] + 1j * a[..., 1] if a.ndim == p.ndim + 1 else a

    value, after = rule(xp, apart(p), apart(g), {k: apart(a) for k, a in state.items()}, options)
    return joined(value), {k: joined(a) for k, a in after.items()}


def _like(p: Tensor, name: str, value: Any) -> Any:
    """A saved entry as a Tensor where its parameter is, in the parameter's dtype; ``step`` keeps its own."""
    if isinstance(value, list | tuple):
        return type(value)(_like(p, name, v) for v in value)
    if not isinstance(value, Tensor) and not arrays.is_array(value):
        return value
    array = current(value) if isinstance(value, Tensor) else value
    target = current(p)
    if library_of(array) is not p.library:
        array = to_host(library_of(array), array)
    source = dtypes.from_native(array.dtype)
    wanted = p.dtype if name != "step" and source.is_floating_point and p.dtype.is_floating_point else source
    native = p.library.native
    return make(native.asarray(array, dtype=dtypes.native(native, wanted), device=device_of(target), copy=True))


# -- what rules are made of --


def fresh_step(xp: Library, p: Any) -> Any:
    """A counter of steps at 0: float32, as PyTorch's."""
    return xp.native.zeros((), dtype=xp.native.float32, device=device_of(p))


def next_step(xp: Library, p: Any, state: State) -> Any:
    """The counter of steps, one further."""
    return xp.native.asarray(state.get("step", fresh_step(xp, p)) + 1)


def decayed(p: Any, g: Any, options: dict[str, Any]) -> Any:
    """The gradient after `maximize` and the penalty of `weight_decay`."""
    if options["maximize"]:
        g = -g
    return g + p * options["weight_decay"] if options["weight_decay"] != 0 else g


_NUMBERS = (int, float)


def number(xp: Library, value: Any) -> Any:
    """A counter or learning rate to calculate with: a Python float where reading it is free, else an array."""
    if isinstance(value, _NUMBERS):
        return value
    if isinstance(value, Tensor):
        value = current(value)
    if not waits(xp, value):
        return float(value)
    wide = getattr(xp.native, "float64", None)
    return xp.native.astype(value, wide) if wide is not None else value


def cast(xp: Library, value: Any, like: Any) -> Any:
    """A number of `number` as a factor of `like`: an array takes its dtype."""
    return value if isinstance(value, _NUMBERS) else xp.native.astype(value, like.dtype)


def at_least_zero(**options: Any) -> None:
    """Raise ValueError for the first option that is negative; two underscores stand for a space."""
    for name, value in options.items():
        if not isinstance(value, Tensor) and not value >= 0:
            raise ValueError(f"Invalid {name.replace('__', ' ')}: {value}")


def betas_below_one(betas: tuple[Any, ...]) -> None:
    """Raise ValueError for the first of `betas` that is not in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0 <= beta < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
