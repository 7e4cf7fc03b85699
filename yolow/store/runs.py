"""Runs: the folders in which training happens, each with a journal that says how far it is.

A run outlives its process: whatever kills it, the journal names the last phase that was reached, and the recipe goes
on from there. The journal is replaced in one step, so it is always whole.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from yolow.errors import ResourceError, RunError, StoreError

Phase = Literal["prepared", "training", "measuring", "publishing", "published", "rejected"]
_SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Journal:
    """How far a run is, and what it needs to go on.

    Attributes:
        run: the run's name.
        command: `train` or `finetune`.
        name: the version's name in the store.
        phase: the last phase that was begun; `published` and `rejected` are ends.
        config: the resolved run config.
        parent_sha256: digest of the weights that it starts from, or None.
        data_fingerprint: content of the data set that it trains on.
        created: ISO 8601, UTC.
        version: the reference that it was published as.
    """

    run: str
    command: str
    name: str
    phase: Phase
    config: dict[str, Any]
    parent_sha256: str | None
    data_fingerprint: str
    created: str
    version: str | None = None
    schema_version: int = _SCHEMA_VERSION


@dataclass(frozen=True)
class Run:
    """One run folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def journal(self) -> Journal:
        """The journal as it stands on disk.

        Raises:
            RunError: it is missing or not ours.
        """
        path = self.folder / "run.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["schema_version"] > _SCHEMA_VERSION:
                raise RunError("the run was written by a newer yolow", context=[str(path)])
            return Journal(**value)
        except FileNotFoundError:
            raise RunError("the folder is not a run", context=[f"no journal: {path}"]) from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError("the run's journal can't be read", context=[f"{path}: {error}"]) from None

    def write(self, journal: Journal) -> None:
        """Replace the journal in one step."""
        path = self.folder / "run.json"
        temporary = path.with_suffix(f".tmp{os.getpid()}")
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(asdict(journal), stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)

    def enter(self, phase: Phase, *, version: str | None = None) -> None:
        """Note that a phase begins."""
        self.write(replace(self.journal, phase=phase, version=version))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process.

        Raises:
            RunError: another process works on it.
        """
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError("another process works on this run", context=[f"run: {self.name}"]) from None
        try:
            yield
        finally:
            lock.release()


def create_run(root: Path, *, name: str, command: str) -> Run:
    """Make a new, empty run folder below `root`, with a name that no other run has.

    Raises:
        StoreError: the folder can't be made.
    """
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    folder = root / f"{command}-{name}-{stamp}-{secrets.token_hex(2)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(
            "the run folder can't be made",
            context=[f"{folder}: {error.strerror}"],
            hint="run yolow in a folder that you can write to, or set --runs",
        ) from error
    return Run(folder)


def open_run(root: Path, text: str) -> Run:
    """The run of a name below `root`, or of a path.

    Raises:
        RunError: there is none; recent runs are named.
    """
    for folder in (root / text, Path(text)):
        if (folder / "run.json").exists():
            return Run(folder.absolute())
    recent = [run.name for run in list_runs(root)[-5:]]
    raise RunError(
        f"there is no run '{text}'",
        context=[f"looked in: {root}", *(f"recent: {name}" for name in reversed(recent))],
        hint="give one of the names above to --resume",
    )


def list_runs(root: Path) -> list[Run]:
    """All runs below `root`, oldest first."""
    folders = [path.parent for path in root.glob("*/run.json")] if root.is_dir() else []
    return [Run(folder) for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime)]


def require_room(folder: Path, needed_bytes: int, *, purpose: str, flag: str) -> None:
    """Refuse to begin what could not be written at the end.

    Args:
        folder: where it will be written; need not exist yet.
        needed_bytes: how much.
        purpose: what it is for: `the run`, `the new version`.
        flag: the flag that chooses another folder.

    Raises:
        StoreError: the folder can't be written.
        ResourceError: too little of the disk is free.
    """
    place = folder
    while not place.exists():
        place = place.parent
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        raise StoreError(
            f"the folder for {purpose} can't be written",
            context=[str(folder), f"no right to write in: {place}"],
            hint=f"choose another folder with {flag}",
        )
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        raise ResourceError(
            f"not enough free disk for {purpose}",
            context=[f"{place}: {free / 1e6:,.0f} MB free, {needed_bytes / 1e6:,.0f} MB needed"],
            hint=f"free some space, or choose another disk with {flag}",
        )
