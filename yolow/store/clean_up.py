"""Clean up: which versions nothing needs any more, and their removal, many under one lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolow.errors import UsageError, WeightsNotFoundError
from yolow.store.removal import Tombstone, bury, users_of
from yolow.store.rows import VersionRow
from yolow.store.version import WeightsVersion

if TYPE_CHECKING:
    from yolow.store.store import Store


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


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """What became of the versions that were to be removed; those that others had removed are in neither.

    Attributes:
        removed: gone now.
        kept: reference -> who has begun to use it.
    """

    removed: tuple[WeightsVersion, ...]
    kept: Mapping[str, list[str]]


def remove_unused(store: Store, versions: Sequence[WeightsVersion], *, reason: str) -> CleanUp:
    """Remove versions unless somebody uses them meanwhile. Other writers wait, so hand in some dozens at a time.

    Args:
        store: the store.
        versions: none before one that was made from it.
        reason: kept in the tombstones.

    Raises:
        StoreError: the store can't be read or written; those before are removed then.
    """
    from yolow.store.staging import explained, staging_folder, store_lock

    removed: dict[str, WeightsVersion] = {}
    kept: dict[str, list[str]] = {}
    root = store.root
    with (
        explained(root, "old versions can't be removed"),
        staging_folder(root) as staging,
        store_lock(root),
    ):
        rows = store.rows(problems=[])
        for version in versions:
            with suppress(WeightsNotFoundError):
                current = store.get(version.name, version.number)
                if users := users_of(store, current, without=removed, rows=rows):
                    kept[current.reference] = users
                    continue
                bury(current, reason=reason, grave=staging.parent)
                removed[current.reference] = current
    return CleanUp(removed=tuple(removed.values()), kept=kept)
