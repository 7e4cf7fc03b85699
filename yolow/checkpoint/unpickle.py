"""Follow a pickle without doing what it says.

A pickle is a program for a small stack machine: it can import any name, call it, and set the state of what came
out. Here every name becomes a `Named`, every call and construction a `Made` that remembers what would have been
done. Nothing that the file names is imported, called, hashed or compared, so there is nothing for it to run. The
standard library's machine is not used: its C form has process-wide extension registries, recurses on nested
tuples, and sizes its memo by what the file claims.

The machine has no opinion on what it finds: `verdict.py` has. When a stream breaks, what was found so far is kept,
since a real unpickler would have run it before it came to the break.
"""

from __future__ import annotations

import struct
from typing import Any, NoReturn

from yolow.checkpoint.opcodes import OPERATIONS
from yolow.checkpoint.stand_ins import UNSET, BrokenPickleError, Found, Made, Named, OddKey

_MAX_OPERATIONS = 2_000_000
_MAX_NUMBER_TEXT = 64
_STOP = ord(".")


def follow(data: bytes) -> Found:
    """Follow one pickle to its end or to where it breaks. Never raises for what the data holds.

    Args:
        data: the whole stream; nothing may follow its end.
    """
    machine = Machine(data)
    try:
        machine.run()
    except BrokenPickleError as fault:
        machine.found.fault = f"{fault} (byte {machine.position})"
    except (IndexError, KeyError, ValueError, struct.error):
        # An empty stack, a memo entry that was never put, text that is no number, a number cut short.
        machine.found.fault = f"the operations contradict each other (byte {machine.position})"
    return machine.found


class Machine:
    """The stack, the memo and the marks of one pickle."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.found = Found()
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> None:
        data = self.data
        for _ in range(_MAX_OPERATIONS):
            if self.position >= len(data):
                raise BrokenPickleError("the pickle is cut short")
            code = data[self.position]
            self.position += 1
            OPERATIONS[code](self)
            if code == _STOP:
                return
        raise BrokenPickleError(f"the pickle has more than {_MAX_OPERATIONS} operations")

    def take(self, size_bytes: int) -> bytes:
        """The next bytes, all of them there: no size that the file claims is believed."""
        start = self.position
        end = start + size_bytes
        if end > len(self.data):
            raise BrokenPickleError("the pickle claims more bytes than it has")
        self.position = end
        return self.data[start:end]

    def number(self, form: struct.Struct) -> Any:
        (value,) = form.unpack_from(self.data, self.position)
        self.position += form.size
        return value

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise BrokenPickleError("the pickle has a line without an end")
        text = self.data[self.position : end]
        self.position = end + 1
        return text

    def number_line(self) -> bytes:
        text = self.line()
        if len(text) > _MAX_NUMBER_TEXT:
            raise BrokenPickleError("the pickle has a number of absurd length")
        return text

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def name(self, module: Any, name: Any) -> Named:
        if type(module) is not str or type(name) is not str:
            raise BrokenPickleError("the pickle names a global by something that is not text")
        known = self.found.named.get((module, name))
        if known is None:
            known = self.found.named[module, name] = Named(module, name)
        return known

    def make(self, how: str, maker: Any, arguments: Any) -> None:
        if type(arguments) is not tuple:
            raise BrokenPickleError("the pickle calls with something that is not a tuple")
        made = Made(how, maker, arguments)
        self.found.made.append(made)
        self.stack.append(made)

    def set_entries(self, target: Any, items: list[Any]) -> None:
        if type(target) is dict:
            entries = target
        elif type(target) is Made:
            if target.entries is None:
                target.entries = {}
            entries = target.entries
        else:
            self.misuse("entries are set on", target)
        for index in range(0, len(items), 2):
            entries[_key(items[index])] = items[index + 1]

    def extend(self, target: Any, items: list[Any]) -> None:
        if type(target) is not list:
            self.misuse("items are added to", target)
        target.extend(items)

    def set_state(self, target: Any, state: Any) -> None:
        if type(target) is not Made:
            self.misuse("state is set on", target)
        if target.state is not UNSET:
            raise BrokenPickleError("the pickle sets the state of one object twice")
        target.state = state

    def misuse(self, what: str, target: Any) -> NoReturn:
        """Stop at a change of something that the file did not build itself; on a global it is an attack."""
        if type(target) is Named:
            self.found.misuses.append(f"{what} {target.full_name} itself")
        raise BrokenPickleError(f"{what} something that can't have them")


def _key(value: Any) -> Any:
    """A dict key whose hash is cheap and can't be steered into collisions."""
    kind = type(value)
    if kind is str or kind is bool or value is None or (kind is int and -(2**31) <= value < 2**31):
        return value
    if kind in (int, float, bytes):
        return OddKey(value)
    raise BrokenPickleError("the pickle has a dict with a key that is neither text nor a number")
