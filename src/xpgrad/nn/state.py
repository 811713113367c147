"""What a module's state is, and how it is saved and loaded.

Loading looks at everything first and writes only if nothing is wrong, so that a model is never left half changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..hooks import Handle
from ..modes import no_grad
from ..tensor import Tensor
from ..views import detach
from .hooks import HookedModule
from .parameter import Parameter

_EXTRA = "_extra_state"


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class _IncompatibleKeys(_Keys):
    """The names that did not match."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()


class _StateDict(OrderedDict[str, Any]):
    """A state dict; ``_metadata`` holds each module's version."""

    _metadata: OrderedDict[str, Any]


class _Problems(list[str]):
    """Messages of what is wrong, and the writes that wait until it is known that nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Callable[[], Any]] = []


class StatefulModule(HookedModule):
    """The part of `Module` that saves and loads its state."""

    _version: int = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def get_extra_state(self) -> Any:
        """What else a subclass wants in its state dict; a subclass that defines this defines `set_extra_state`."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    def _local_state(self) -> dict[str, Tensor]:
        """This module's own parameters and persistent buffers."""
        kept = {k: b for k, b in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {k: v for k, v in (*self._parameters.items(), *kept.items()) if v is not None}

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in self._local_state().items():
            destination[prefix + name] = value if keep_vars else detach(value)
        if type(self).get_extra_state is not StatefulModule.get_extra_state:
            destination[prefix + _EXTRA] = self.get_extra_state()

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers, by dotted name.

        Args:
            destination: a dict to put them into; a new one if not given.
            prefix: put before every name.
            keep_vars: give the parameters themselves and not detached Tensors.

        Example:
            >>> from xpgrad import nn
            >>> list(nn.Linear(2, 3).state_dict())
            ['weight', 'bias']
        """
        if destination is None:
            destination = _StateDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        for hook in self._hooks_of("state_dict_pre"):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._hooks_of("state_dict"):
            changed = hook(self, destination, prefix, local)
            destination = destination if changed is None else changed
        return destination

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any],
                              strict: bool, missing_keys: list[str], unexpected_keys: list[str],
                              error_msgs: list[str]) -> None:  # fmt: skip
        """Compare this module's own state with `state_dict`; a subclass may first rename or add entries in it."""
        for hook in self._hooks_of("load_pre"):
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        local = self._local_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in local.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.append(key)
                continue
            source = state_dict[key]
            if not isinstance(source, Tensor):
                error_msgs.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                                  f"object from checkpoint but received {type(source)}")  # fmt: skip
            elif source.shape != target.shape and not (target.ndim == 0 and source.shape == (1,)):
                error_msgs.append(f"size mismatch for {key}: copying a param with shape {source.shape} from "
                                  f"checkpoint, the shape in current model is {target.shape}.")  # fmt: skip
            elif isinstance(error_msgs, _Problems):
                source = source if source.shape == target.shape else source[0]
                error_msgs.writes.append(_write(self, name, target, source, assign))
        extra = prefix + _EXTRA
        takes_extra = type(self).set_extra_state is not StatefulModule.set_extra_state
        if takes_extra and extra in state_dict and isinstance(error_msgs, _Problems):
            error_msgs.writes.append(lambda: self.set_extra_state(state_dict[extra]))
        elif takes_extra:
            missing_keys.append(extra)
        for key in state_dict:
            if key.startswith(prefix) and not (key == extra and takes_extra):
                first, dot, _ = key[len(prefix) :].partition(".")
                if first not in (self._modules if dot else local):
                    unexpected_keys.append(key)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy parameters and buffers from `state_dict` into this module and its children.

        Nothing is changed unless everything fits.

        Args:
            state_dict: dotted name -> Tensor.
            strict: raise if names are missing or unexpected.
            assign: take the Tensors themselves, with their dtype and library, instead of copying their values.

        Returns:
            A named tuple ``(missing_keys, unexpected_keys)``.

        Raises:
            RuntimeError: lists missing and unexpected names and misshapen entries; the module is unchanged.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        missing: list[str] = []
        unexpected: list[str] = []
        problems = _Problems()
        after: list[tuple[Any, Any]] = []

        def visit(module: StatefulModule, entries: dict[str, Any], prefix: str) -> None:
            local_metadata = dict(metadata.get(prefix[:-1], {}))
            if assign:
                local_metadata["assign_to_params_buffers"] = True
            module._load_from_state_dict(entries, prefix, local_metadata, True, missing, unexpected, problems)
            for name, child in module._modules.items():
                if child is not None:
                    start = f"{prefix}{name}."
                    visit(child, {k: v for k, v in entries.items() if k.startswith(start)}, start)
            after.extend((module, hook) for hook in module._hooks_of("load_post"))

        visit(self, dict(state_dict), "")
        keys = _IncompatibleKeys(missing, unexpected)
        for module, hook in after:
            if hook(module, keys) is not None:
                raise AssertionError("a load_state_dict post hook returns nothing; it changes the lists in place")
        if strict:
            problems[:0] = [f"{kind} key(s) in state_dict: {', '.join(map(_quoted, names))}. "
                            for kind, names in (("Missing", missing), ("Unexpected", unexpected)) if names]  # fmt: skip
        if problems:
            lines = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        for write in problems.writes:
            write()
        return keys

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(module, prefix, keep_vars)`` before the state is collected."""
        return self._add_hook("state_dict_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(module, state_dict, prefix, local_metadata)`` when it is; it may change the dict in place."""
        return self._add_hook("state_dict", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)`` before loading."""
        return self._add_hook("load_pre", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Run ``hook(module, incompatible_keys)`` when names were compared; it may change both lists in place."""
        return self._add_hook("load_post", hook)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _write(module: Any, name: str, target: Tensor, source: Tensor, assign: bool) -> Callable[[], Any]:
    def copy() -> None:
        with no_grad():
            target.copy_(source)

    def replace() -> None:
        kept = isinstance(target, Parameter) and not isinstance(source, Parameter)
        setattr(module, name, Parameter(source, target.requires_grad) if kept else source)

    return replace if assign else copy
