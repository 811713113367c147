"""Pickles as data: a small machine that reads one without executing it, and a writer of what PyTorch reads.

A pickle is a program, and Python's own reader runs it. This one knows the opcodes that build numbers, strings and
containers; a name in the file (``torch._utils _rebuild_tensor_v2``) stands for what the caller's table says, never for
what Python would import, and a name that is not in the table is refused. Opcodes are taken apart by `pickletools`,
which only parses.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

Name = tuple[str, str]  # module and name


class LoadError(RuntimeError, ValueError):
    """A file that cannot be read: cut short, tampered with, or no such file at all."""


class RefusedError(LoadError, pickle.UnpicklingError):
    """A file that asks for something else than Tensors, plain containers and numbers."""


class Global:
    """A name in a pickle, and what it stands for; the machine calls `make` and nothing else."""

    def __init__(self, name: Name, make: Callable[..., Any]) -> None:
        self.name = name
        self.make = make


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
             "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "SHORT_BINSTRING", "BINSTRING", "INT", "LONG",
             "FLOAT", "UNICODE"}  # fmt: skip
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """A stack, a memo, and the tables of the caller."""

    def __init__(self, named: Callable[[Name], Any], persistent: Callable[[Any], Any]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.named = named
        self.persistent = persistent

    def to_mark(self) -> list[Any]:
        """What was pushed since the last mark."""
        at = len(self.stack) - 1 - next(i for i, v in enumerate(reversed(self.stack)) if v is _MARK)
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def last(self, kind: Any) -> Any:
        """The top of the stack, which must be of `kind`."""
        found = self.stack[-1]
        if not isinstance(found, kind):
            raise LoadError(f"an item for a {type(found).__name__}, which holds none")
        return found

    def step(self, name: str, arg: Any) -> None:
        """One opcode."""
        stack = self.stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            stack.append(arg)
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("TUPLE", "LIST", "FROZENSET"):
            made = {"TUPLE": tuple, "LIST": list, "FROZENSET": frozenset}[name](self.to_mark())
            stack.append(made)
        elif name in ("APPEND", "APPENDS"):
            values = self.to_mark() if name == "APPENDS" else [stack.pop()]
            self.last(list).extend(values)
        elif name == "ADDITEMS":
            values = self.to_mark()
            self.last(set).update(values)
        elif name in ("SETITEM", "SETITEMS", "DICT"):
            values = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self.to_mark()
            if name == "DICT":
                stack.append({})
            self.last(dict).update(zip(values[::2], values[1::2], strict=True))
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else arg] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[arg])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            pair = arg.split(" ", 1) if name == "GLOBAL" else [stack.pop(-2), stack.pop()]
            stack.append(self.named((str(pair[0]), str(pair[1]))))
        elif name == "REDUCE":
            args, function = stack.pop(), stack.pop()
            if not isinstance(function, Global) or not isinstance(args, tuple):
                raise RefusedError("it calls what is no function of PyTorch's for Tensors")
            stack.append(function.make(*args))
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], OrderedDict) or not isinstance(state, dict) or set(state) - {"_metadata"}:
                raise RefusedError(f"it sets attributes of an object of type {type(stack[-1]).__name__}")
            stack[-1].__dict__.update(state)
        elif name == "BINPERSID":
            stack.append(self.persistent(stack.pop()))
        elif name == "POP":
            stack.pop()
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise RefusedError(f"it contains the opcode {name}, which makes objects of other classes")


def read(content: bytes, named: Callable[[Name], Any], persistent: Callable[[Any], Any]) -> Any:
    """What a pickle holds.

    Args:
        content: the pickle.
        named: what a name in it stands for: a `Global` if it may be called, else a value. Raises for what is refused.
        persistent: what a persistent id stands for.

    Raises:
        LoadError: if it is no whole pickle. RefusedError: for anything but numbers, strings, containers, and names.
    """
    machine = _Machine(named, persistent)
    try:
        for opcode, arg, _ in pickletools.genops(content):
            machine.step(opcode.name, arg)
        (found,) = machine.stack
    except LoadError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, StopIteration, OverflowError) as error:
        raise LoadError(f"not a whole pickle ({type(error).__name__}: {error})") from error
    return found


# -- writing --


class Call:
    """What is written as a call of a name; the same object is written once."""

    def __init__(self, name: Name, *args: Any) -> None:
        self.name = name
        self.args = args


class Persistent:
    """What is written as a persistent id."""

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.key = key


class _Writer:
    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self.out = bytearray(b"\x80\x02")
        self.memo: dict[int, int] = {}
        self.alive: list[Any] = []  # ids stay what they are while their objects live
        self.convert = convert

    def keep(self, value: Any) -> None:
        """Note that what was just written is `value`."""
        n = self.memo[id(value)] = len(self.memo)
        self.alive.append(value)
        self.out += struct.pack("<BB", ord("q"), n) if n < 256 else struct.pack("<BI", ord("r"), n)

    def write(self, value: Any) -> None:
        """Append one value."""
        if id(value) in self.memo:
            n = self.memo[id(value)]
            self.out += struct.pack("<BB", ord("h"), n) if n < 256 else struct.pack("<BI", ord("j"), n)
        elif value is None or value is True or value is False:
            self.out += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            self._integer(int(value))
        elif isinstance(value, float):
            self.out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self.out += b"X" + struct.pack("<I", len(text)) + text
        elif isinstance(value, list) or type(value) is tuple:
            self._sequence(value)
        elif isinstance(value, dict) and not isinstance(value, Counter):
            self._mapping(value)
        elif isinstance(value, Call):
            self.name(value.name)
            self.write(value.args)
            self.out += b"R"
            self.keep(value)
        elif isinstance(value, Global):
            self.name(value.name)
        elif isinstance(value, Persistent):
            self.write(value.key)
            self.out += b"Q"
        else:
            self._other(value)

    def name(self, name: Name) -> None:
        """A name, to be looked up by the reader."""
        self.out += b"c" + f"{name[0]}\n{name[1]}\n".encode()

    def _integer(self, value: int) -> None:
        if -(2**31) <= value < 2**31:
            self.out += b"J" + struct.pack("<i", value)
        else:
            digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            self.out += b"\x8a" + struct.pack("<B", len(digits)) + digits

    def _sequence(self, value: Any) -> None:
        listed = isinstance(value, list)
        if listed:
            self.out += b"]"
            self.keep(value)
        self.out += b"("
        for item in value:
            self.write(item)
        self.out += b"e" if listed else b"t"

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        if isinstance(value, OrderedDict):
            self.name(("collections", "OrderedDict"))
            self.out += b")R"
        else:
            self.out += b"}"
        self.keep(value)
        self.out += b"("
        for key, item in value.items():
            self.write(key)
            self.write(item)
        self.out += b"u"
        metadata = getattr(value, "_metadata", None)
        if metadata is not None:
            self.write({"_metadata": metadata})
            self.out += b"b"

    def _other(self, value: Any) -> None:
        simple: dict[Any, Callable[[], Call]] = {
            complex: lambda: Call(("__builtin__", "complex"), value.real, value.imag),
            set: lambda: Call(("__builtin__", "set"), list(value)),
            Counter: lambda: Call(("collections", "Counter"), dict(value)),
            bytes: lambda: Call(("_codecs", "encode"), value.decode("latin1"), "latin1"),
        }
        make = simple.get(type(value))
        self.write(make() if make is not None else self.convert(value))


def write(value: Any, convert: Callable[[Any], Any]) -> bytes:
    """A pickle of `value`, of protocol 2.

    Args:
        value: numbers, strings, containers, and what `convert` knows.
        convert: makes of any other object a `Call`, a `Global` or a `Persistent`; the same for the same object. Raises
            TypeError for what cannot be written.
    """
    writer = _Writer(convert)
    writer.write(value)
    return bytes(writer.out + b".")
