"""Remove versions for good: each leaves its record as a tombstone, and its number is never given again.

<root>/solar/v3.removed      {"schema_version": 1, "removed": "2026-…", "reason": "…", "record": {…}}

The tombstone is written first; then the version's folder leaves by one rename. As long as the folder is there, the
version is whole and the tombstone says nothing, so that a kill at any moment leaves the one or the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolow.errors import ConflictError, StoreError
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
    from yolow.store.staging import explained, staging_folder, store_lock

    store.get(version.name, version.number)
    failure = f"{version.reference} can't be removed"
    with explained(store.root, failure), staging_folder(store.root) as staging, store_lock(store.root):
        current = store.get(version.name, version.number)
        if not force:
            _require_unused(store, current)
        return bury(current, reason=reason, grave=staging.parent)


def bury(version: WeightsVersion, *, reason: str, grave: Path) -> Tombstone:
    """Put a tombstone in the place of a version; the store is locked.

    Args:
        version: read under the lock.
        reason: kept in the tombstone.
        grave: a folder on the same disk that goes with everything in it.

    Raises:
        OSError: the store can't be written.
    """
    from yolow.store.staging import replace_whole, sync_folder, timestamp

    home = version.folder.parent
    tombstone = Tombstone(
        record=version.record,
        removed=timestamp(),
        reason=reason.encode("utf-8", "backslashreplace").decode(),
    )
    replace_whole(tombstone_path(home, version.number), _document(tombstone))
    sync_folder(home)
    version.folder.rename(grave / f"{version.name}-v{version.number}")
    sync_folder(home)
    drop_aliases_of(home, version.number, f"{version.reference} was removed")
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
