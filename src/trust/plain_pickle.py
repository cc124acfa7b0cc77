"""Pickles of plain values, read without running what stands in them.

Python's own unpickler takes memory that a pickle only claims to need, and changes objects that it is given. Here the
standard library's parser, which checks every length, tells the instructions, and a small stack machine follows those
that make numbers, texts, lists, tuples and dicts. Anything else comes from the caller: a `Maker` per allowed name.
"""

import pickletools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"),
}


class NotPlainError(ValueError):
    """The pickle holds more than plain values and what the caller allows."""


@dataclass(frozen=True)
class Maker:
    """What a name in a pickle stands for: the name, and the function that is called instead of what has this name."""

    name: str
    make: Callable[..., Any]


def load(file: BytesIO, find: Callable[[str], Maker | None], stored: Callable[[Any], Any]) -> Any:
    """The value of the pickle at the file's position; the position is behind the pickle then.

    A set is read as a list. Attributes that were given to a dict (such as an OrderedDict's) are left out.

    Args:
        find: "module.name" -> its maker; None: it is not allowed.
        stored: what a pickle refers to as stored outside of it -> what stands for it.

    Raises:
        NotPlainError: a name is not allowed, or an instruction makes something else than plain values.
        ValueError: this is no pickle, or a damaged one.
    """
    machine = _Machine(find, stored)
    try:
        for instruction, argument, _ in pickletools.genops(file):
            if instruction.name == "STOP":
                return machine.stack.pop()
            machine.follow(instruction.name, argument)
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a damaged pickle: {error}") from error
    raise ValueError("a pickle without an end")


class _Machine:
    """The stack of values, those below the last marks, and what was put aside to be used again."""

    def __init__(self, find: Callable[[str], Maker | None], stored: Callable[[Any], Any]) -> None:
        self._find, self._stored = find, stored
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._aside: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self._push_tuple(_TUPLES[name])
        elif name in ("PROTO", "FRAME"):
            pass  # they say how the pickle was written
        elif name in _INSTRUCTIONS:
            _INSTRUCTIONS[name](self, argument)
        else:
            raise NotPlainError(f"the instruction {name}")

    def _push_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise ValueError("the stack ends")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _to_mark(self) -> list[Any]:
        """What stands above the last mark, which is removed."""
        above, self.stack = self.stack, self._below.pop()
        return above

    def _mark(self, _: None) -> None:
        self._below.append(self.stack)
        self.stack = []

    def _tuple(self, _: None) -> None:
        values = tuple(self._to_mark())
        self.stack.append(values)

    def _put(self, place: int) -> None:
        self._aside[place] = self.stack[-1]

    def _memoize(self, _: None) -> None:
        self._aside[len(self._aside)] = self.stack[-1]

    def _get(self, place: int) -> None:
        self.stack.append(self._aside[place])

    def _append(self, _: None) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self, _: None) -> None:
        self._extend(self._to_mark())

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("values are added to what is no list")
        self.stack[-1].extend(values)

    def _set_item(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self, _: None) -> None:
        self._update(self._to_mark())

    def _update(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict) or len(values) % 2:
            raise ValueError("values are set in what is no dict")
        for key, value in zip(values[::2], values[1::2]):
            self.stack[-1][_checked_key(key)] = value

    def _global(self, name: str) -> None:
        self._push_maker(name.replace(" ", "."))

    def _stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._push_maker(f"{module}.{name}")

    def _push_maker(self, name: str) -> None:
        maker = self._find(name)
        if maker is None:
            raise NotPlainError(f"the name {name}")
        self.stack.append(maker)

    def _reduce(self, _: None) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        if not isinstance(maker, Maker) or not isinstance(arguments, tuple):
            raise NotPlainError("a call of what is no name")
        self.stack.append(maker.make(*arguments))

    def _build(self, _: None) -> None:
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise NotPlainError("an object's state")

    def _persistent(self, _: None) -> None:
        self.stack.append(self._stored(self.stack.pop()))


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine._mark,
    "TUPLE": _Machine._tuple,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine._put),
    "MEMOIZE": _Machine._memoize,
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine._get),
    "APPEND": _Machine._append,
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _Machine._appends),
    "SETITEM": _Machine._set_item,
    "SETITEMS": _Machine._set_items,
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "BUILD": _Machine._build,
    "BINPERSID": _Machine._persistent,
}


def _checked_key(key: Any) -> Hashable:
    """A key of a dict: a plain value or a tuple of such; hashing deeply nested ones would end the process."""
    for part in key if isinstance(key, tuple) else (key,):
        if not isinstance(part, (str, bytes, int, float, type(None))):
            raise NotPlainError("a key of a dict that is no plain value")
    return key
