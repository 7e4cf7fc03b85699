"""Remove versions for good: each leaves its record as a tombstone, and its number is never given again.

<root>/solar/v3.removed      {"schema_version": 1, "removed": "2026-…", "reason": "…", "record": {…}}

The tombstone is written first; then the version's folder leaves by one rename. As long as the folder is there, the
version is whole and the tombstone says nothing, so that a kill at any moment leaves the one or the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolow.errors import ConflictError, StoreError, UsageError, WeightsNotFoundError
from yolow.store.aliases import drop_aliases_of
from yolow.store.record import VersionRecord, require_known_schema
from yolow.store.rows import VersionRow, problem_line
from yolow.store.strict_json import parse_json, read_small_file, read_typed

if TYPE_CHECKING:
    from yolow.store.store import Store
    from yolow.store.version import WeightsVersion

_SCHEMA_VERSION = 1
_TOMBSTONE = re.compile(r"v([1-9][0-9]*)\.removed")


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What is left of a removed version.

    Attributes:
        record: the version's own.
        removed: when, ISO 8601, UTC.
        reason: in the words of whoever removed it; may be empty.
    """

    record: VersionRecord
    removed: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Text:
    """What the file of a tombstone says."""

    schema_version: int
    removed: str
    reason: str
    record: Any


@dataclass(frozen=True, kw_only=True)
class RemovalPlan:
    """Which versions a clean-up would keep and remove.

    Attributes:
        kept: (reference, why), newest first.
        removed: in an order in which no version goes before one that was made from it.
        size_bytes: of all files of the versions to remove.
        unreadable: a line for each version that is kept since its record can't be read; what it was made from is
            not known, and so not protected.
    """

    kept: tuple[tuple[str, str], ...]
    removed: tuple[WeightsVersion, ...]
    size_bytes: int
    unreadable: tuple[str, ...] = ()


def tombstone_path(home: Path, number: int) -> Path:
    """Where the tombstone of a version lies, or would."""
    return home / f"v{number}.removed"


def read_tombstone(home: Path, number: int) -> Tombstone | None:
    """The tombstone of a version; None where there is none or the version itself is there.

    Args:
        home: the folder of the name.
        number: the version's.

    Raises:
        StoreError: the tombstone can't be read.
    """
    if (home / f"v{number}").is_dir():
        return None
    path, faults = tombstone_path(home, number), list[str]()
    try:
        value = parse_json(read_small_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, [str(error)]) from error
    require_known_schema(value, str(path), newest=_SCHEMA_VERSION)
    text = read_typed(_Text, value, faults)
    if text is None:
        raise _unreadable(path, faults)
    record = VersionRecord.from_json_value(text.record, source=str(path))
    if (record.name, record.number) != (home.name, number):
        raise _unreadable(path, [f"it is that of {record.name}:v{record.number}"])
    return Tombstone(record=record, removed=text.removed, reason=text.reason)


def _unreadable(path: Path, reasons: list[str]) -> StoreError:
    return StoreError(
        "the note of a removal can't be read", context=[f"{path}: {reason}" for reason in reasons]
    )


def read_tombstones(home: Path, problems: list[str] | None = None) -> tuple[Tombstone, ...]:
    """See `Store.tombstones`."""
    try:
        entries = [path.name for path in home.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise StoreError("the store can't be read", context=[f"{home}: {error.strerror}"]) from error
    numbers = sorted(int(match.group(1)) for entry in entries if (match := _TOMBSTONE.fullmatch(entry)))
    found = []
    for number in numbers:
        try:
            if (tombstone := read_tombstone(home, number)) is not None:
                found.append(tombstone)
        except StoreError as error:
            if problems is None:
                raise
            problems.append(problem_line(f"{home.name}:v{number}", error))
    return tuple(found)


def remove_version(store: Store, version: WeightsVersion, *, reason: str, force: bool) -> Tombstone:
    """See `Store.remove`."""
    from yolow.store.staging import (
        explained,
        replace_whole,
        staging_folder,
        store_lock,
        sync_folder,
        timestamp,
    )

    store.get(version.name, version.number)
    home, root = store.root / version.name, store.root
    failure = f"{version.reference} can't be removed"
    with explained(root, failure), staging_folder(root) as staging, store_lock(root):
        current = store.get(version.name, version.number)
        if not force:
            _require_unused(store, current)
        tombstone = Tombstone(
            record=current.record,
            removed=timestamp(),
            reason=reason.encode("utf-8", "backslashreplace").decode(),
        )
        replace_whole(tombstone_path(home, current.number), _document(tombstone))
        sync_folder(home)
        current.folder.rename(staging.parent / "removed")
        sync_folder(home)
        drop_aliases_of(home, current.number, f"{current.reference} was removed")
    return tombstone


def _document(tombstone: Tombstone) -> bytes:
    value = {
        "schema_version": _SCHEMA_VERSION,
        "removed": tombstone.removed,
        "reason": tombstone.reason,
        "record": tombstone.record.to_json_value(),
    }
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _require_unused(store: Store, version: WeightsVersion) -> None:
    if users := users_of(store, version):
        raise ConflictError(
            f"{version.reference} is still in use",
            context=users,
            note="removing it drops these aliases and leaves what was made from it without its parent's weights",
            hint=f"yolow weights rm {version.reference} --force",
        )


def users_of(
    store: Store,
    version: WeightsVersion,
    *,
    without: Collection[str] = (),
    rows: Sequence[VersionRow] | None = None,
) -> list[str]:
    """What a removal would hurt: aliases that stand for the version, and versions that were made from it.

    Args:
        without: references of versions that don't count, since they go too.
        rows: of the whole store, where they are known already.

    Raises:
        StoreError: the store can't be read.
    """
    users = [f"alias: {version.name}:{alias}" for alias in store.aliases_of(version)]
    known = store.rows(problems=[]) if rows is None else rows
    return users + [
        f"made from it: {row.reference}"
        for row in known
        if _descends(row, version) and row.reference not in without
    ]


def _descends(row: VersionRow, version: WeightsVersion) -> bool:
    if row.reference == version.reference:
        return False
    if row.parent_sha256 is not None:
        return row.parent_sha256 == version.record.sha256
    return row.parent == version.reference


def plan_removal(store: Store, *, keep_newest: int) -> RemovalPlan:
    """Which versions can go: all but the newest of each name, those with an alias, and the ancestors of both.

    Versions whose record can't be read are kept.

    Args:
        store: nothing in it is changed.
        keep_newest: versions of each name to keep, from 1.

    Raises:
        UsageError: `keep_newest` is less than 1.
        StoreError: the store can't be read.
    """
    if keep_newest < 1:
        raise UsageError("at least the newest version of each name is kept", hint="yolow weights gc --keep 1")
    problems: list[str] = []
    rows = store.rows(problems=problems)
    reasons = dict(_protected(store, rows, keep_newest))
    _protect_ancestors(store, rows, reasons)
    kept = [(row.reference, reasons[row.reference]) for row in rows if row.reference in reasons]
    kept += [(problem.split(": ", 1)[0], "its record can't be read") for problem in problems]
    removed = tuple(_still_there(store, [row for row in rows if row.reference not in reasons]))
    size_bytes = sum(file.size_bytes for version in removed for file in version.record.files)
    return RemovalPlan(kept=tuple(kept), removed=removed, size_bytes=size_bytes, unreadable=tuple(problems))


def _still_there(store: Store, rows: Sequence[VersionRow]) -> Iterator[WeightsVersion]:
    for row in rows:
        with suppress(WeightsNotFoundError):  # another process removes too
            yield store.get(row.name, row.number)


def _protected(store: Store, rows: list[VersionRow], keep_newest: int) -> Iterator[tuple[str, str]]:
    """(reference, why) of what is kept for itself; a later reason replaces an earlier one."""
    for name in {row.name for row in rows}:
        numbers = sorted((row.number for row in rows if row.name == name), reverse=True)
        for number in numbers[:keep_newest]:
            yield f"{name}:v{number}", f"among the newest {keep_newest} of {name}"
        for alias, number in store.aliases(name).items():
            yield f"{name}:v{number}", f"alias {alias}"


def _protect_ancestors(store: Store, rows: list[VersionRow], reasons: dict[str, str]) -> None:
    """Keep the ancestors of everything that is kept, also those above a removed version."""
    by_reference = {row.reference: row for row in rows}
    holders: dict[str, list[str]] = {}
    parents: dict[str, tuple[str | None, str | None]] = {}
    for row in rows:
        holders.setdefault(row.sha256, []).append(row.reference)
        parents[row.reference] = (row.parent, row.parent_sha256)
    for tombstone in _all_tombstones(store):
        record = tombstone.record
        reference = f"{record.name}:v{record.number}"
        holders.setdefault(record.sha256, []).append(reference)
        above = record.parent
        parents[reference] = (above.reference, above.sha256) if above else (None, None)
    waiting = [(reference, reference) for reference in reasons]
    seen = set(reasons)
    while waiting:
        reference, descendant = waiting.pop()
        for parent in _holders_of(parents.get(reference, (None, None)), holders):
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, descendant))
                if parent in by_reference:
                    reasons[parent] = f"ancestor of {descendant}"


def _holders_of(parent: tuple[str | None, str | None], holders: Mapping[str, list[str]]) -> list[str]:
    reference, sha256 = parent
    if sha256 is not None:
        return holders.get(sha256, [])
    return [reference] if reference is not None else []


def _all_tombstones(store: Store) -> Iterator[Tombstone]:
    for name in store.names():
        yield from store.tombstones(name)
