"""`yolow weights rm`: remove versions that nothing needs any more."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yolow.errors import ConflictError
from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.run_report import RunReport
from yolow.store.removal import users_of
from yolow.store.store import WeightsVersion


def remove(
    references: Sequence[str], session: Session, *, confirmed: bool, force: bool = False, reason: str = ""
) -> RunReport:
    """Remove versions; each leaves its record as a tombstone, and its number is never given again.

    Args:
        references: which versions.
        confirmed: remove them; else the plan is all.
        force: also those that an alias stands for or that others were made from.
        reason: kept in the tombstones.

    Raises:
        WeightsNotFoundError: a version is not there.
        ConflictError: versions are still in use; all are named.
        StoreError: the store can't be read or written.
    """
    found = {version.reference: version for version in (version_of(one, session) for one in references)}
    # A version was made after its parent, so nothing goes before what was made from it.
    versions = sorted(found.values(), key=lambda one: (one.record.created, one.number), reverse=True)
    unreadable: list[str] = []
    rows = session.store.rows(problems=unreadable)
    users = {one.reference: users_of(session.store, one, without=set(found), rows=rows) for one in versions}
    if any(users.values()) and not force:
        raise _in_use(users, session)
    if confirmed:
        for index, version in enumerate(versions, start=1):
            session.store.remove(version, reason=reason, force=force)
            session.progress.advance(index, len(versions), version.reference)
    flags = [*(["--force"] if force else []), *(["--reason", shlex.quote(reason)] if reason else [])]
    return RunReport(
        command="weights rm",
        version=versions[0].reference if len(versions) == 1 else None,
        warnings=unknown_ancestors(unreadable),
        details={
            "dry_run": not confirmed,
            "removed": [removal_row(one, users[one.reference]) for one in versions],
            "kept": [],
            "size_bytes": sum(size_bytes(one) for one in versions),
            "confirm": None if confirmed else command("rm", [*found, *flags, "--yes"], session),
        },
    )


def removal_row(version: WeightsVersion, users: Sequence[str] = ()) -> dict[str, Any]:
    """One version of a removal: what goes with it, and what will miss it."""
    return {
        "reference": version.reference,
        "size_bytes": size_bytes(version),
        "operation": version.record.operation,
        "created": version.record.created,
        "users": list(users),
    }


def command(name: str, words: Sequence[str], session: Session) -> str:
    """What to type to go on: in this very store, and with the versions that were looked at, whatever comes after."""
    is_usual = session.store.root == Path("weights").absolute()
    place = [] if is_usual else ["--store", shlex.quote(str(session.store.root))]
    return " ".join(["yolow weights", name, *words, *place])


def unknown_ancestors(unreadable: Sequence[str]) -> tuple[str, ...]:
    """A warning for each version that can't say what it was made from."""
    return tuple(f"{line}; so what it was made from is not protected" for line in unreadable)


def size_bytes(version: WeightsVersion) -> int:
    """All files of the version."""
    return sum(file.size_bytes for file in version.record.files)


def _in_use(users: dict[str, list[str]], session: Session) -> ConflictError:
    return ConflictError(
        "versions are still in use" if len(users) > 1 else f"{next(iter(users))} is still in use",
        context=[f"{reference}: {user}" for reference, needs in users.items() for user in needs],
        note="removing them drops these aliases and leaves what was made from them without its parent's weights",
        hint=command("rm", [*reversed(users), "--force"], session),
    )
