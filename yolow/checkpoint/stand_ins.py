"""What stands in for the objects of a pickle: inert records of what the file says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class BrokenPickleError(Exception):
    """The stream is not a pickle that can be followed."""


class Named:
    """A global that the pickle names: stands in for what an import would give."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"


class _Unset:
    """The state of an object whose state was never set (None is a state)."""


UNSET = _Unset()


class Made:
    """What a call would have given.

    Attributes:
        how: the opcode: `REDUCE`, `NEWOBJ`, `NEWOBJ_EX`, `INST`, `OBJ` or `PERSID`.
        maker: what would have been called, as a rule a `Named`; None for a persistent id.
        arguments: what it would have been called with.
        state: what `__setstate__` or the instance's dict would have got.
        entries: keys and values set on it, as on an OrderedDict.
    """

    __slots__ = ("arguments", "entries", "how", "maker", "state")

    def __init__(self, how: str, maker: Any, arguments: tuple[Any, ...]) -> None:
        self.how = how
        self.maker = maker
        self.arguments = arguments
        self.state: Any = UNSET
        self.entries: dict[Any, Any] | None = None


class OddKey:
    """A dict key that is bytes or no small number, compared by identity so that hashing it costs nothing."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass
class Found:
    """All that a pickle said.

    Attributes:
        root: the value that it ends with; None where it breaks before.
        named: each global once, in order of appearance.
        made: each call and construction, in order.
        misuses: operations that only an attack has a use for, in words.
        fault: why the stream could not be followed to its end, or None.
    """

    root: Any = None
    named: dict[tuple[str, str], Named] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    misuses: list[str] = field(default_factory=list)
    fault: str | None = None
