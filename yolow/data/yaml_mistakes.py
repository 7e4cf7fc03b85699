"""Mistakes of a YAML file, each with its place, collected so that all are reported at once."""

from __future__ import annotations

from yolow.config.strict_yaml import KeyPath, YamlDocument
from yolow.data.dataset_types import printable


class YamlMistakes:
    """What is wrong in a data-set YAML, and which files it names that aren't there."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self.wrong: list[tuple[KeyPath, str]] = []
        self.missing: list[tuple[KeyPath, str]] = []

    def add(self, path: KeyPath, what: str) -> None:
        """Note a mistake at a key."""
        self.wrong.append((path, what))

    def add_missing(self, path: KeyPath, what: str) -> None:
        """Note a file or folder that a key names and that isn't there."""
        self.missing.append((path, what))

    def all_lines(self) -> list[str]:
        """`file:line:column: what` of everything, in the order of the file."""
        everything = sorted((*self.wrong, *self.missing), key=lambda mistake: self._order(mistake[0]))
        return [printable(f"{self._document.place(path)}: {what}") for path, what in everything]

    def _order(self, path: KeyPath) -> tuple[int, int]:
        position = self._document.position(path)
        return (0, 0) if position is None else (position.line, position.column)
