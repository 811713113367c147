"""Hooks of modules: what runs before and after a forward, and when gradients pass a module's border."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..hooks import Handle, Hooks
from ..op import OPS, op
from ..tensor import Tensor, apply

op("module_border", joint=lambda xp, g: g if isinstance(g, tuple) else (g,), args="*arrays",
   forward=lambda xp, arrays: list(arrays), node="BackwardHookFunctionBackward")  # fmt: skip


_everywhere: dict[str, Hooks] = {}  # hooks on all modules, which run before a module's own


def _globally(kind: str, hook: Any) -> Handle:
    return _everywhere.setdefault(kind, Hooks()).add(hook)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> Handle:
    """Run ``hook(module, args)`` before every module's forward."""
    return _globally("forward_pre", (hook, False, False))


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> Handle:  # fmt: skip
    """Run ``hook(module, args, output)`` after every module's forward."""
    return _globally("forward", (hook, with_kwargs, always_call))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> Handle:
    """Run ``hook(module, grad_input, grad_output)`` in every module's backward."""
    return _globally("backward", hook)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> Handle:
    """Run ``hook(module, grad_output)`` before every module's backward."""
    return _globally("backward_pre", hook)


class HookedModule:
    """The part of `Module` that keeps hooks and runs them around `forward`."""

    _hooks: dict[str, Hooks]
    forward: Callable[..., Any]

    def _add_hook(self, kind: str, hook: Any, prepend: bool = False) -> Handle:
        hooks = self._hooks.setdefault(kind, Hooks())
        handle = hooks.add(hook)
        if prepend:
            last = hooks.calls.pop(handle.id)
            hooks.calls = {handle.id: last, **hooks.calls}
        return handle

    def _hooks_of(self, kind: str) -> list[Any]:
        return [hook for hooks in (_everywhere.get(kind), self._hooks.get(kind)) if hooks is not None
                for hook in hooks.calls.values()]  # fmt: skip

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> Handle:  # fmt: skip
        """Run ``hook(module, args)`` before each forward; what it returns replaces the arguments.

        Args:
            hook: with `with_kwargs`, called ``hook(module, args, kwargs)`` and returning None or both.
            prepend: run it before the hooks there are.
            with_kwargs: hand it the keyword arguments too.
        """
        return self._add_hook("forward_pre", (hook, with_kwargs, False), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> Handle:  # fmt: skip
        """Run ``hook(module, args, output)`` after each forward; what it returns replaces the output.

        Args:
            hook: with `with_kwargs`, called ``hook(module, args, kwargs, output)``.
            prepend: run it before the hooks there are.
            with_kwargs: hand it the keyword arguments too.
            always_call: run it also when the forward raised; the output is then None.
        """
        return self._add_hook("forward", (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Run ``hook(module, grad_input, grad_output)`` when both are known; what it returns replaces `grad_input`."""
        return self._add_hook("backward", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Run ``hook(module, grad_output)`` before the module's backward; what it returns replaces `grad_output`."""
        return self._add_hook("backward_pre", hook, prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._hooks and not _everywhere:
            return self.forward(*args, **kwargs)
        return self._call_hooked(args, kwargs)

    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result: Any = None
        done: list[Any] = []
        try:
            for hook, with_kwargs, _ in self._hooks_of("forward_pre"):
                args, kwargs = _changed_arguments(hook, with_kwargs, self, args, kwargs)
            backward = self._hooks_of("backward"), self._hooks_of("backward_pre")
            border = _Border(self, *backward) if any(backward) else None
            if border is not None:
                args = border.inputs(args)
            result = self.forward(*args, **kwargs)
            for entry in self._hooks_of("forward"):
                done.append(entry)
                result = _changed_output(entry, self, args, kwargs, result)
            return border.outputs(result) if border is not None else result
        except Exception:
            for entry in self._hooks_of("forward"):
                if entry[2] and not any(entry is ran for ran in done):
                    try:
                        result = _changed_output(entry, self, args, kwargs, result)
                    except Exception as second:  # the first error is the one to report
                        warnings.warn("module forward hook with ``always_call=True`` raised an exception that was "
                                      f"silenced as another error was raised in forward: {second}",
                                      stacklevel=2)  # fmt: skip
            raise


def _changed_arguments(hook: Callable[..., Any], with_kwargs: bool, module: Any, args: tuple[Any, ...],
                       kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:  # fmt: skip
    changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
    if changed is None:
        return args, kwargs
    if not with_kwargs:
        return (changed if isinstance(changed, tuple) else (changed,)), kwargs
    if not (isinstance(changed, tuple) and len(changed) == 2):
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), got {changed}")
    return changed


def _changed_output(entry: Any, module: Any, args: Any, kwargs: Any, result: Any) -> Any:
    hook, with_kwargs, _ = entry
    changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
    return result if changed is None else changed


class _Border:
    """One pass through a module with backward hooks: the nodes that its inputs and outputs are led through."""

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.count = 0
        self.places: list[int] = []
        self.grad_output: tuple[Any, ...] | None = None
        self.input_recorded = False

    def _led(self, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int], Any]:
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not any(values[i].requires_grad for i in places):
            return values, places, None
        through = apply(OPS["module_border"], ([values[i] for i in places],))
        changed = list(values)
        for i, t in zip(places, through, strict=True):
            changed[i] = t
        return tuple(changed), places, through[0].grad_fn

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        args, self.places, node = self._led(args)
        self.count = len(args)
        if node is not None:
            self.input_recorded = True
            node.register_hook(self._at_input)
        return args

    def outputs(self, result: Any) -> Any:
        if not isinstance(result, tuple | Tensor):
            warnings.warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                          f"but received {type(result)}", stacklevel=3)  # fmt: skip
            return result
        values = result if isinstance(result, tuple) else (result,)
        changed, places, node = self._led(values)
        if node is not None:
            node.register_hook(lambda grads, _: self._at_output(grads, places, len(values)))
        return changed if isinstance(result, tuple) else changed[0]

    def _at_output(self, grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
        full = _spread(grads, places, count)
        for hook in self.pre_hooks:
            changed = hook(self.module, full)
            if changed is not None:
                full = changed if isinstance(changed, tuple) else (changed,)
        self.grad_output = full
        if not self.input_recorded:
            for hook in self.hooks:
                hook(self.module, (None,) * self.count, full)
        return tuple(full[i] for i in places)

    def _at_input(self, grads: tuple[Any, ...], _: Any) -> tuple[Any, ...]:
        full = _spread(grads, self.places, self.count)
        for hook in self.hooks:
            changed = hook(self.module, full, self.grad_output)
            if changed is not None:
                full = changed if isinstance(changed, tuple) else (changed,)
        return tuple(full[i] for i in self.places)


def _spread(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    """Gradients at the places of the Tensors among `count` values, None elsewhere."""
    full: list[Any] = [None] * count
    for i, g in zip(places, grads, strict=True):
        full[i] = g
    return tuple(full)
