"""Module: a function with parameters, made of other modules.

Parameters, buffers and children are kept in three dicts and found by attribute access; the rest of the class walks
over them. Hooks and state dicts have rooms of their own, `hooks` and `state`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from .. import dtypes
from ..creation import zeros_like
from ..hooks import Hooks
from ..modes import no_grad
from ..tensor import Tensor
from .parameter import Buffer, Parameter
from .state import StatefulModule

Self = TypeVar("Self", bound="Module")


class Module(StatefulModule):
    """The base class of all layers and models.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> class Twice(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.inner = nn.Linear(2, 2)
        ...     def forward(self, x):
        ...         return self.inner(self.inner(x))
        >>> Twice()
        Twice(
          (inner): Linear(in_features=2, out_features=2, bias=True)
        )
    """

    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            given = f"{len(args) + 1} were given" if args else f"an unexpected keyword argument '{next(iter(kwargs))}'"
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {given}")
        for name, value in _fresh():
            object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # -- attributes --

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for kind in ("_parameters", "_buffers", "_modules"):
            if kind in own and name in own[kind]:
                return own[kind][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        for store, kind, noun in (("_parameters", Parameter, "parameters"), ("_modules", Module, "module"),
                                  ("_buffers", Buffer, "buffers")):  # fmt: skip
            known = own.get(store)
            if isinstance(value, kind):
                if known is None:
                    raise AttributeError(f"cannot assign {noun} before Module.__init__() call")
                self._forget(name, keep=store)
            elif known is None or name not in known:
                continue
            elif value is not None and not (store == "_buffers" and isinstance(value, Tensor)):
                raise TypeError(f"cannot assign '{_type_name(value)}' as {_EXPECTED[store].format(name)}")
            if store == "_parameters":
                self.register_parameter(name, value)
            elif store == "_modules":
                known[name] = value
            else:
                kept = value.persistent if isinstance(value, Buffer) else name not in self._non_persistent_buffers_set
                self.register_buffer(name, value, kept)
            return
        object.__setattr__(self, name, value)

    def _forget(self, name: str, keep: str) -> None:
        """Remove an attribute from wherever it is, so that it can be of another kind."""
        self.__dict__.pop(name, None)
        for store in ("_parameters", "_buffers", "_modules"):
            if store != keep:
                self.__dict__[store].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for store in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[store]:
                del self.__dict__[store][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if name.isidentifier())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(dict(_fresh()), **state)

    # -- registration --

    def _check_name(self, name: Any, noun: str, store: str) -> None:
        if store not in self.__dict__:
            raise AttributeError(f"cannot assign {noun} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{noun} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{noun} name can\'t contain ".", got: {name}')
        if not name:
            raise KeyError(f'{noun} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[store]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or the place for one that may be None."""
        self._check_name(name, "parameter", "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                            "(torch.nn.Parameter or None required)")  # fmt: skip
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                             f"explicitly. To express '{name}' as a function of another Tensor, compute the value in "
                             "the forward() method.")  # fmt: skip
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a Tensor that is state but no parameter; `state_dict` holds it if `persistent`."""
        self._check_name(name, "buffer", "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                            "(torch Tensor or None required)")  # fmt: skip
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name(name, "module", "_modules")
        self._modules[name] = module

    register_module = add_module

    # -- walks --

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:  # fmt: skip
        """This module and all below it, each with its dotted name; each once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct children with their names, each once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The direct children."""
        return (child for _, child in self.named_children())

    def _named(self, store: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen = set()
        start = [(prefix, self)]
        for path, module in self.named_modules(None, prefix, remove_duplicate) if recurse else start:
            for name, value in module.__dict__[store].items():
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:  # fmt: skip
        """All parameters with their dotted names, each once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, in the order of registration."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:  # fmt: skip
        """All buffers with their dotted names, each once."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at dotted name `target`; itself for an empty name.

        Raises:
            AttributeError: if there is none.
        """
        module: Any = self
        for part in target.split(".") if target else []:
            if not hasattr(module, part):
                raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
            module = getattr(module, part)
            if not isinstance(module, Module):
                raise AttributeError(f"`{part}` is not an nn.Module")
        return module  # type: ignore[no-any-return]

    def _get_named(self, target: str, store: str, noun: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module.__dict__[store]:
            raise AttributeError(f"`{name}` is not {noun}")
        return module.__dict__[store][name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at dotted name `target`."""
        return self._get_named(target, "_parameters", "an nn.Parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at dotted name `target`."""
        return self._get_named(target, "_buffers", "a buffer")  # type: ignore[no-any-return]

    # -- changes --

    def apply(self: Self, fn: Callable[[Module], None]) -> Self:
        """Call `fn` on every module, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, or to evaluation."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation: dropout passes everything, norms use their running statistics."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Say of every parameter whether gradients flow to it."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients, or set them to zero."""
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = zeros_like(p.grad)

    def _apply(self: Self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Replace the values of every parameter, gradient and buffer by what `fn` makes of them."""
        for module in self.modules() if recurse else [self]:
            for p in module._parameters.values():
                if p is not None:
                    with no_grad():
                        grad, p.grad = p.grad, None
                        p.data = fn(p)  # type: ignore[attr-defined]
                        p.grad = None if grad is None else fn(grad)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, a floating dtype, or both: ``to(device)``, ``to(dtype)``, ``to(tensor)``.

        Only floating and complex parameters and buffers change their dtype.

        Raises:
            TypeError: for a dtype that is neither floating nor complex.
        """
        device, dtype = kwargs.get("device"), kwargs.get("dtype")
        for a in (*args, *([kwargs["tensor"]] if "tensor" in kwargs else [])):
            if isinstance(a, Tensor):
                device, dtype = a.device, a.dtype
            elif isinstance(a, dtypes.dtype):
                dtype = a
            elif not isinstance(a, bool) and a is not None:
                device = a
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError("nn.Module.to only accepts floating point or complex dtypes, "
                            f"but got desired dtype={dtype}")  # fmt: skip
        return self._apply(lambda t: t.to(device=device, dtype=dtype if _floats(t) else None))

    def float(self: Self) -> Self:
        """Floating parameters and buffers as float32."""
        return self._apply(lambda t: t.to(dtype=dtypes.float32) if t.dtype.is_floating_point else t)

    def double(self: Self) -> Self:
        """Floating parameters and buffers as float64."""
        return self._apply(lambda t: t.to(dtype=dtypes.float64) if t.dtype.is_floating_point else t)

    def half(self: Self) -> Self:
        """Floating parameters and buffers as float16."""
        return self._apply(lambda t: t.to(dtype=dtypes.float16) if t.dtype.is_floating_point else t)

    def bfloat16(self: Self) -> Self:
        """Floating parameters and buffers as bfloat16, where the library has it."""
        return self._apply(lambda t: t.to(dtype=dtypes.bfloat16) if t.dtype.is_floating_point else t)

    def cpu(self: Self) -> Self:
        """Move to the host's processor."""
        return self._apply(lambda t: t.to(device="cpu"))

    def cuda(self: Self, device: int | None = None) -> Self:
        """Move to a CUDA device."""
        return self._apply(lambda t: t.to(device="cuda" if device is None else f"cuda:{device}"))

    # -- printing --

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(child))}" for name, child in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({extra})"
        return framed(self._get_name(), lines + children)


_EXPECTED = {"_parameters": "parameter '{}' (torch.nn.Parameter or None expected)",
             "_modules": "child module '{}' (torch.nn.Module or None expected)",
             "_buffers": "buffer '{}' (torch.nn.Buffer, torch.Tensor or None expected)"}  # fmt: skip


def _fresh() -> Iterable[tuple[str, Any]]:
    """The attributes that every module starts with."""
    hooks: dict[str, Hooks] = {}
    return (("training", True), ("_parameters", {}), ("_buffers", {}), ("_non_persistent_buffers_set", set()),
            ("_modules", {}), ("_hooks", hooks))  # fmt: skip


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _floats(t: Tensor) -> bool:
    return t.dtype.is_floating_point or t.dtype.is_complex


def indented(text: str) -> str:
    """`text` with every line but the first moved in by two spaces."""
    return text.replace("\n", "\n  ")


def framed(name: str, lines: list[str]) -> str:
    """``name(`` and the lines, each on its own, moved in by two."""
    body = "".join(f"\n  {line}" for line in lines)
    return f"{name}({body}\n)" if lines else f"{name}()"
