"""The weights store: a plain folder of immutable, numbered versions. Reading never creates or changes anything.

<root>/solar/v3/solar-v3.pt           the weights (or an export folder), read-only
<root>/solar/v3/record.json           what they are; record.json.sha256 covers it
<root>/solar/v3/…                     run.yaml, report.md, curves: listed in the record
<root>/solar/v2.removed               the record of a version that was removed
<root>/solar/aliases.json             {"production": {"number": 3, "history": […]}}
<root>/solar/notes.json               {"3": [{"written": "…", "text": "…"}]}
<root>/solar/last_number              the highest number that was ever given
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from yolow.errors import IntegrityError, StoreError, WeightsNotFoundError
from yolow.store import aliases as alias_book
from yolow.store.aliases import AliasEvent
from yolow.store.integrity import check_version, verify_version
from yolow.store.lineage import LineageStep, trace
from yolow.store.not_found import LIST_HINT, removed_version, unknown_alias, unknown_name, unknown_number
from yolow.store.notes import Note, add_note, read_notes
from yolow.store.record import VersionDraft
from yolow.store.reference import LATEST, is_name
from yolow.store.removal import Tombstone, read_tombstone, read_tombstones, remove_version
from yolow.store.rows import VersionRow, names_in, numbers_in, problem_line, read_rows
from yolow.store.version import WeightsVersion, read_version

__all__ = ["Store", "VersionDraft", "WeightsVersion"]


class Store:
    """The versions below one folder, which need not exist before the first `add`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def names(self) -> list[str]:
        """Names that have a version, sorted.

        Raises:
            StoreError: the store can't be read.
        """
        return names_in(self.root)

    def numbers(self, name: str) -> list[int]:
        """Numbers of the versions of a name, ascending, by their folders alone.

        Raises:
            StoreError: the store can't be read.
        """
        return numbers_in(self.root, name)

    def rows(self, name: str | None = None, problems: list[str] | None = None) -> list[VersionRow]:
        """What a list needs to know of the versions of a name, or of all, newest first; fast for thousands.

        Args:
            name: None for all names.
            problems: gets a line for each version that can't be read. Without it such a version raises.

        Raises:
            StoreError: the store can't be read, or a version can't and `problems` is None.
        """
        return read_rows(self.root, name, problems=problems)

    def versions(self, name: str | None = None, *, problems: list[str] | None = None) -> list[WeightsVersion]:
        """The versions of a name, or of all, with their whole records; newest last. See `rows`."""
        found = []
        for one in self.names() if name is None else [name]:
            for number in self.numbers(one):
                try:
                    found.append(read_version(self.root, one, number))
                except StoreError as error:
                    if problems is None:
                        raise
                    problems.append(problem_line(f"{one}:v{number}", error))
        if name is None:
            found.sort(key=lambda version: (version.record.created, version.number))
        return found

    def get(self, name: str, number: int) -> WeightsVersion:
        """One version.

        Raises:
            WeightsNotFoundError: there is none; what there is instead, or when it was removed and why, is said.
            StoreError: its record, or the note of its removal, can't be read.
        """
        reference = f"{name}:v{number}"
        folder = self.root / name / f"v{number}"
        if is_name(name) and folder.is_dir():
            try:
                return read_version(self.root, name, number)
            except StoreError:
                if folder.is_dir():
                    raise  # else it was removed at this very moment
        if is_name(name) and (tombstone := read_tombstone(self.root / name, number)) is not None:
            raise removed_version(self.root, reference, removed=tombstone.removed, reason=tombstone.reason)
        if numbers := self.numbers(name):
            raise unknown_number(self.root, name, number, numbers)
        raise unknown_name(self.root, reference, name)

    def latest(self, name: str) -> WeightsVersion:
        """The version of a name with the highest number.

        Raises:
            WeightsNotFoundError: the name has no version.
            StoreError: its record can't be read.
        """
        return read_version(self.root, name, self.alias(name, LATEST))

    def newest(
        self, *, formats: Collection[str] | None = None, problems: list[str] | None = None
    ) -> WeightsVersion | None:
        """The version that was made last, over all names, or None.

        Args:
            formats: only versions of these formats, such as `pytorch`.
            problems: see `rows`.
        """
        for row in self.rows(problems=problems):
            if formats is None or row.format in formats:
                return self.get(row.name, row.number)
        return None

    def find_digest(self, prefix: str) -> WeightsVersion | None:
        """The version whose weights have this digest; the oldest where several are byte-identical.

        Args:
            prefix: first hex digits of the digest.

        Raises:
            WeightsNotFoundError: different weights begin with these digits.
            StoreError: none was found, but a version can't be read.
        """
        prefix = prefix.lower()
        for containing in (prefix, ""):  # the second time to see which versions can't be read at all
            problems: list[str] = []
            rows = read_rows(self.root, problems=problems, containing=containing)
            found = [row for row in rows if row.sha256.startswith(prefix)]
            if found:
                break
        if len({row.sha256 for row in found}) > 1:
            raise WeightsNotFoundError(
                f"sha256:{prefix} is ambiguous",
                context=[f"{row.reference}: {row.sha256}" for row in reversed(found)],
                hint="write more digits",
            )
        if not found and problems:
            raise StoreError(
                f"the version of sha256:{prefix} can't be looked up", context=problems, hint=LIST_HINT
            )
        return self.get(found[-1].name, found[-1].number) if found else None

    def find_run(self, name: str, run: str) -> WeightsVersion | None:
        """The version that a run was published as. A version that can't be read is not it: it can't tell."""
        found = (row for row in self.rows(name, problems=[]) if row.run == run)
        row = next(found, None)
        return None if row is None else self.get(name, row.number)

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a name, each with its version's number.

        Raises:
            StoreError: `aliases.json` can't be read.
        """
        states = alias_book.read_aliases(self.root / name) if is_name(name) else {}
        return {alias: state.number for alias, state in states.items() if state.number is not None}

    def alias(self, name: str, alias: str) -> int:
        """The number that an alias stands for; `latest` is computed.

        Raises:
            WeightsNotFoundError: the name has no such alias.
            StoreError: see `aliases`.
        """
        aliases = {} if alias == LATEST else self.aliases(name)
        if alias in aliases:
            return aliases[alias]
        numbers = self.numbers(name)
        if not numbers:
            raise unknown_name(self.root, f"{name}:{alias}", name)
        if alias == LATEST:
            return numbers[-1]
        raise unknown_alias(self.root, name, alias, aliases)

    def aliases_of(self, version: WeightsVersion) -> list[str]:
        """The stored aliases of one version, sorted. Raises as `aliases` does."""
        return sorted(
            alias for alias, number in self.aliases(version.name).items() if number == version.number
        )

    def alias_history(self, name: str, alias: str | None = None) -> tuple[AliasEvent, ...]:
        """The moves of an alias, or of all aliases of a name, oldest first; none for an unknown one.

        Raises:
            StoreError: see `aliases`.
        """
        return alias_book.history(self.root / name, alias) if is_name(name) else ()

    def change_alias(
        self,
        name: str,
        alias: str,
        decide: Callable[[WeightsVersion | None], WeightsVersion],
        *,
        reason: str,
    ) -> AliasEvent:
        """Let an alias stand for another version: compare and swap, safe beside other processes.

        Args:
            name: the name of the versions.
            alias: `production`.
            decide: gets the present holder (None: there is none, or it is gone) while the store is locked, and
                returns the new one. If it raises, nothing changes; if it returns the holder, nothing is written.
            reason: kept in the history.

        Returns:
            The move; where nothing changed, the last one (`sequence` 0: an alias whose history was never kept).

        Raises:
            ConfigError: the alias can't be one.
            WeightsNotFoundError: the name has no version, or the chosen one is gone.
            StoreError: the store can't be read or written, or the chosen version has another name.
        """
        return alias_book.change_alias(self, name, alias, decide, reason=reason)

    def drop_alias(self, name: str, alias: str, reason: str) -> AliasEvent:
        """Take an alias away; its history stays.

        Raises:
            WeightsNotFoundError: the name has no such alias.
            StoreError: the store can't be read or written.
        """
        return alias_book.drop_alias(self, name, alias, reason)

    def add(
        self,
        draft: VersionDraft,
        *,
        weights: Path,
        suffix: str,
        files: Mapping[str, Path] | None = None,
        finish: Callable[[Path, str], None] | None = None,
    ) -> WeightsVersion:
        """Add the next version of a name: atomic, and safe beside other processes that do the same.

        Args:
            draft: everything of the record that is known before.
            weights: a file or an export folder; stored as `<name>-v<N><suffix>`.
            suffix: such as `.pt` or `_openvino_model`.
            files: name inside the version -> a file or a folder.
            finish: called with the staged folder and the final reference, before the record is written; what it
                writes there becomes part of the version. The store is locked meanwhile: keep it short.

        Raises:
            ConfigError: the name can't be one.
            StoreError: the store can't be written or a source can't be read; no trace of the version is left.
        """
        from yolow.store.publish import Sources, publish_version

        sources = Sources(weights=weights, suffix=suffix, files=files or {}, finish=finish)
        folder, record = publish_version(self.root, draft, sources)
        return WeightsVersion(folder=folder, record=record)

    def verify(self, version: WeightsVersion) -> list[str]:
        """Everything in which a version's folder differs from its record, a line each; empty: nothing."""
        return verify_version(version.folder, version.record)

    def check(self, version: WeightsVersion) -> None:
        """Check the record and all files against their digests, as before every load.

        Raises:
            IntegrityError: something differs.
            WeightsNotFoundError: it was removed meanwhile.
        """
        try:
            check_version(version.folder, version.record)
        except IntegrityError:
            if version.folder.parent.is_dir() and not os.path.lexists(version.folder):
                self.get(version.name, version.number)
            raise

    def lineage(self, version: WeightsVersion) -> tuple[LineageStep, ...]:
        """From the version itself up to what it all began with; removed and missing parents are named."""
        return trace(self, version)

    def remove(self, version: WeightsVersion, *, reason: str, force: bool = False) -> Tombstone:
        """Remove a version for good. Its record stays as a tombstone, and its number is never given again.

        Args:
            version: the version.
            reason: kept in the tombstone.
            force: although aliases stand for it, which are dropped, or other versions were made from it.

        Raises:
            ConflictError: aliases or other versions need it; they are named.
            WeightsNotFoundError: it is gone already.
            StoreError: the store can't be read or written.
        """
        return remove_version(self, version, reason=reason, force=force)

    def tombstones(self, name: str, problems: list[str] | None = None) -> tuple[Tombstone, ...]:
        """The removed versions of a name by number.

        Args:
            name: of the versions.
            problems: gets a line for each tombstone that can't be read. Without it such a one raises.

        Raises:
            StoreError: the store can't be read, or a tombstone can't and `problems` is None.
        """
        return read_tombstones(self.root / name, problems) if is_name(name) else ()

    def add_note(self, version: WeightsVersion, text: str) -> Note:
        """Keep a note on a version.

        Raises:
            UsageError: the text is empty.
            StoreError: the store can't be read or written.
        """
        return add_note(self, version, text)

    def notes(self, version: WeightsVersion) -> tuple[Note, ...]:
        """The notes on a version, oldest first.

        Raises:
            StoreError: the notes can't be read.
        """
        return read_notes(self.root / version.name).get(version.number, ())

    def repair(self, version: WeightsVersion) -> list[str]:
        """Rebuild what can be derived from the rest of a version, never its record or weights; says what was done.

        Raises:
            StoreError: the store can't be read or written.
        """
        from yolow.store.repair import repair_version

        return repair_version(self, version)
