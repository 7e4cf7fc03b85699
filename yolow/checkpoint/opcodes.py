"""The operations of a pickle, each as a few lines on the stack of an inert machine.

Source: the opcodes' documentation in CPython's `Lib/pickletools.py` (protocols 0 to 5). Out-of-band buffers are left
out, since a file has none, and so are sets, whose elements a real machine would hash.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from yolow.checkpoint.stand_ins import BrokenPickleError

if TYPE_CHECKING:
    from yolow.checkpoint.unpickle import Machine

Operation: TypeAlias = "Callable[[Machine], object]"

_MAX_INTEGER_BYTES = 64
_MAX_PROTOCOL = 5
_UINT16 = struct.Struct("<H")
_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")
_UINT64 = struct.Struct("<Q")
_FLOAT64 = struct.Struct(">d")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _long(machine: Machine, size_bytes: int) -> None:
    if not 0 <= size_bytes <= _MAX_INTEGER_BYTES:
        raise BrokenPickleError("the pickle has a number of absurd length")
    machine.stack.append(_integer(machine.take(size_bytes)))


def _int_line(machine: Machine) -> None:
    text = machine.number_line()
    machine.stack.append({b"00": False, b"01": True}[text] if text in (b"00", b"01") else int(text))


def _quoted_line(machine: Machine) -> None:
    # Escapes stay as they are: a backslash never matches an expected name.
    machine.stack.append(_text(machine.line()[1:-1]))


def _unicode_line(machine: Machine) -> None:
    machine.stack.append(machine.line().decode("raw-unicode-escape", "replace"))


def _mark(machine: Machine) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


def _put(machine: Machine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _binget(machine: Machine) -> None:
    machine.stack.append(machine.memo[machine.data[machine.position]])
    machine.position += 1


def _long_binput(machine: Machine) -> None:
    (index,) = _UINT32.unpack_from(machine.data, machine.position)
    machine.position += 4
    machine.memo[index] = machine.stack[-1]


def _binint1(machine: Machine) -> None:
    machine.stack.append(machine.data[machine.position])
    machine.position += 1


def _tuple(machine: Machine, length: int) -> None:
    if len(machine.stack) < length:
        raise BrokenPickleError("the pickle takes more from its stack than is there")
    machine.stack[-length:] = [tuple(machine.stack[-length:])]


def _marked(machine: Machine, build: Callable[[list[Any]], Any]) -> None:
    items = machine.pop_mark()
    machine.stack.append(build(items))


def _marked_dict(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.stack.append({})
    machine.set_entries(machine.stack[-1], items)


def _append(machine: Machine) -> None:
    value = machine.stack.pop()
    machine.extend(machine.stack[-1], [value])


def _appends(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.extend(machine.stack[-1], items)


def _setitem(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_entries(machine.stack[-1], [key, value])


def _setitems(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.set_entries(machine.stack[-1], items)


def _global(machine: Machine) -> None:
    module, name = _text(machine.line()), _text(machine.line())
    machine.stack.append(machine.name(module, name))


def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.name(module, name))


def _extension(machine: Machine, code: int) -> None:
    machine.found.misuses.append(f"extension code {code} of a registry outside the file")
    raise BrokenPickleError("the pickle uses an extension code")


def _inst(machine: Machine) -> None:
    maker = machine.name(_text(machine.line()), _text(machine.line()))
    machine.make("INST", maker, tuple(machine.pop_mark()))


def _obj(machine: Machine) -> None:
    maker, *arguments = machine.pop_mark()
    machine.make("OBJ", maker, tuple(arguments))


def _call(machine: Machine, how: str) -> None:
    arguments, maker = machine.stack.pop(), machine.stack.pop()
    machine.make(how, maker, arguments)


def _newobj_ex(machine: Machine) -> None:
    keywords, arguments, maker = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.make("NEWOBJ_EX", maker, (arguments, keywords))


def _build(machine: Machine) -> None:
    state = machine.stack.pop()
    machine.set_state(machine.stack[-1], state)


def _protocol(machine: Machine) -> None:
    if machine.take(1)[0] > _MAX_PROTOCOL:
        raise BrokenPickleError("the pickle is of an unknown protocol")


def _frame(machine: Machine) -> None:
    size_bytes = machine.number(_UINT64)
    if machine.position + size_bytes > len(machine.data):
        raise BrokenPickleError("the pickle claims more bytes than it has")


def _stop(machine: Machine) -> None:
    machine.found.root = machine.stack.pop()
    if machine.stack or machine.marks:
        raise BrokenPickleError("the pickle ends with values left over")
    if machine.position != len(machine.data):
        raise BrokenPickleError("data follows the end of the pickle")


def _unknown(machine: Machine) -> None:
    code = machine.data[machine.position - 1]
    raise BrokenPickleError(f"the pickle has an operation that no checkpoint uses: 0x{code:02x}")


def _operations() -> list[Operation]:
    """The operation of each of the 256 codes."""
    table: list[Operation] = [_unknown] * 256
    for code, operation in {**_VALUES, **_MEMO, **_CONTAINERS, **_OBJECTS}.items():
        table[ord(code)] = operation
    return table


# Keyed by the character that stands for the operation in a stream; the name is the one in `pickletools`.
_VALUES: dict[str, Operation] = {
    "N": lambda m: m.stack.append(None),  # NONE
    "\x88": lambda m: m.stack.append(True),  # NEWTRUE
    "\x89": lambda m: m.stack.append(False),  # NEWFALSE
    "I": _int_line,  # INT
    "J": lambda m: m.stack.append(m.number(_INT32)),  # BININT
    "K": _binint1,  # BININT1
    "M": lambda m: m.stack.append(m.number(_UINT16)),  # BININT2
    "L": lambda m: m.stack.append(int(m.number_line().rstrip(b"L"))),  # LONG
    "\x8a": lambda m: _long(m, m.take(1)[0]),  # LONG1
    "\x8b": lambda m: _long(m, m.number(_INT32)),  # LONG4
    "F": lambda m: m.stack.append(float(m.number_line())),  # FLOAT
    "G": lambda m: m.stack.append(m.number(_FLOAT64)),  # BINFLOAT
    "S": _quoted_line,  # STRING
    "T": lambda m: m.stack.append(_text(m.take(m.number(_UINT32)))),  # BINSTRING
    "U": lambda m: m.stack.append(_text(m.take(m.take(1)[0]))),  # SHORT_BINSTRING
    "V": _unicode_line,  # UNICODE
    "X": lambda m: m.stack.append(_text(m.take(m.number(_UINT32)))),  # BINUNICODE
    "\x8c": lambda m: m.stack.append(_text(m.take(m.take(1)[0]))),  # SHORT_BINUNICODE
    "\x8d": lambda m: m.stack.append(_text(m.take(m.number(_UINT64)))),  # BINUNICODE8
    "B": lambda m: m.stack.append(m.take(m.number(_UINT32))),  # BINBYTES
    "C": lambda m: m.stack.append(m.take(m.take(1)[0])),  # SHORT_BINBYTES
    "\x8e": lambda m: m.stack.append(m.take(m.number(_UINT64))),  # BINBYTES8
    "\x96": lambda m: m.stack.append(m.take(m.number(_UINT64))),  # BYTEARRAY8
}

_MEMO: dict[str, Operation] = {
    "g": lambda m: m.stack.append(m.memo[int(m.number_line())]),  # GET
    "h": _binget,  # BINGET
    "j": lambda m: m.stack.append(m.memo[m.number(_UINT32)]),  # LONG_BINGET
    "p": lambda m: _put(m, int(m.number_line())),  # PUT
    "q": lambda m: _put(m, m.take(1)[0]),  # BINPUT
    "r": _long_binput,  # LONG_BINPUT
    "\x94": lambda m: _put(m, len(m.memo)),  # MEMOIZE
}

_CONTAINERS: dict[str, Operation] = {
    "(": _mark,  # MARK
    "0": _pop,  # POP
    "1": lambda m: m.pop_mark(),  # POP_MARK
    "2": lambda m: m.stack.append(m.stack[-1]),  # DUP
    ")": lambda m: m.stack.append(()),  # EMPTY_TUPLE
    "\x85": lambda m: _tuple(m, 1),  # TUPLE1
    "\x86": lambda m: _tuple(m, 2),  # TUPLE2
    "\x87": lambda m: _tuple(m, 3),  # TUPLE3
    "t": lambda m: _marked(m, tuple),  # TUPLE
    "]": lambda m: m.stack.append([]),  # EMPTY_LIST
    "l": lambda m: _marked(m, list),  # LIST
    "a": _append,  # APPEND
    "e": _appends,  # APPENDS
    "}": lambda m: m.stack.append({}),  # EMPTY_DICT
    "d": _marked_dict,  # DICT
    "s": _setitem,  # SETITEM
    "u": _setitems,  # SETITEMS
}

_OBJECTS: dict[str, Operation] = {
    "c": _global,  # GLOBAL
    "\x93": _stack_global,  # STACK_GLOBAL
    "\x82": lambda m: _extension(m, m.take(1)[0]),  # EXT1
    "\x83": lambda m: _extension(m, m.number(_UINT16)),  # EXT2
    "\x84": lambda m: _extension(m, m.number(_INT32)),  # EXT4
    "R": lambda m: _call(m, "REDUCE"),  # REDUCE
    "\x81": lambda m: _call(m, "NEWOBJ"),  # NEWOBJ
    "\x92": _newobj_ex,  # NEWOBJ_EX
    "i": _inst,  # INST
    "o": _obj,  # OBJ
    "b": _build,  # BUILD
    "P": lambda m: m.make("PERSID", None, (_text(m.line()),)),  # PERSID
    "Q": lambda m: m.make("PERSID", None, (m.stack.pop(),)),  # BINPERSID
    "\x80": _protocol,  # PROTO
    "\x95": _frame,  # FRAME
    ".": _stop,  # STOP
}

OPERATIONS = _operations()
