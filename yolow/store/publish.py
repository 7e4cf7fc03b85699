"""Add a version to the store: staged aside, numbered under a lock, and put in place by one rename.

Beside the versions of a name lies `last_number`, the highest number that was ever taken, so that a number does not
come back after somebody has removed its folder.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yolow.errors import StoreError
from yolow.store.digest import sha256_file
from yolow.store.integrity import record_digest_text
from yolow.store.record import (
    RECORD_DIGEST_FILE,
    RECORD_FILE,
    FileEntry,
    VersionDraft,
    VersionRecord,
    is_inner_path,
    weights_digest,
)
from yolow.store.reference import valid_name
from yolow.store.staging import (
    copy_into,
    explained,
    replace_whole,
    seal,
    staging_folder,
    store_lock,
    sync_folder,
    timestamp,
    write_sealed,
)

Finish = Callable[[Path, str], None]

LAST_NUMBER_FILE = "last_number"
# Anything with a version's number in front keeps the number taken: the version itself, or a note of its removal.
_TAKEN = re.compile(r"v([1-9][0-9]*)(\..*)?")
_UNNAMED_WEIGHTS = ".weights"
_TARGET_APPEARED = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the parts of a new version come from.

    Attributes:
        weights: the weights file or export folder.
        suffix: end of its name in the store, such as `.pt` or `_openvino_model`.
        files: name inside the version -> a file or a folder.
        finish: called with the version's folder, before that is in place, and its reference; what it writes there
            belongs to the version. Called again with the next reference in the rare case that another program has
            taken the number without the lock.
    """

    weights: Path
    suffix: str
    files: Mapping[str, Path]
    finish: Finish | None


def publish_version(root: Path, draft: VersionDraft, sources: Sources) -> tuple[Path, VersionRecord]:
    """Make the next version of a name. Whatever ends this early, the store holds all of the version or nothing.

    Returns:
        The version's folder and its record.

    Raises:
        ConfigError: the name can't be one.
        StoreError: a source can't be read, the store can't be written, or the record has no place in JSON.
    """
    valid_name(draft.name)
    _require_inner_names(sources)
    with explained(root, "the version can't be added to the store"), staging_folder(root) as staging:
        copied = copy_into(staging, sources.weights, _UNNAMED_WEIGHTS)
        for name, source in sources.files.items():
            copied += copy_into(staging, source, name)
        with store_lock(root):
            return _put_in_place(root / draft.name, draft, sources, staging, copied)


def _require_inner_names(sources: Sources) -> None:
    wrong = [name for name in sources.files if not is_inner_path(name) or name.startswith(RECORD_FILE)]
    if "/" in sources.suffix or not is_inner_path(f"x{sources.suffix}"):
        wrong.append(sources.suffix)
    if wrong:
        raise StoreError("a version can't have a file of this name", context=[repr(name) for name in wrong])


def _put_in_place(
    home: Path, draft: VersionDraft, sources: Sources, staging: Path, copied: list[FileEntry]
) -> tuple[Path, VersionRecord]:
    home.mkdir(exist_ok=True)
    named = staging / _UNNAMED_WEIGHTS
    while True:
        number = next_number(home)
        weights = f"{draft.name}-v{number}{sources.suffix}"
        named = named.rename(staging / weights)
        entries = _with_weights_named(copied, weights)
        if sources.finish is not None:
            sources.finish(staging, f"{draft.name}:v{number}")
            entries += _seal_others(staging, entries)
        record = _write_record(staging, draft, number=number, weights=weights, entries=entries)
        replace_whole(home / LAST_NUMBER_FILE, f"{number}\n".encode())
        target = home / f"v{number}"
        try:
            staging.rename(target)
        except OSError as error:
            if error.errno not in _TARGET_APPEARED or not os.path.lexists(target):
                raise
            # A copy of files or a program without our lock put something there; the next number is free.
            for path in _others(staging, _with_weights_named(copied, weights)):
                path.unlink()
            continue
        sync_folder(home)
        sync_folder(home.parent)
        return target, record


def next_number(home: Path) -> int:
    """The number after the highest that was ever taken; call it under the store's lock."""
    taken = [int(match.group(1)) for path in home.iterdir() if (match := _TAKEN.fullmatch(path.name))]
    with suppress(FileNotFoundError, ValueError):  # no version yet, or a damaged note: then the folders tell
        taken.append(int((home / LAST_NUMBER_FILE).read_text(encoding="ascii")))
    return max(taken, default=0) + 1


def _with_weights_named(copied: list[FileEntry], weights: str) -> list[FileEntry]:
    named = []
    for entry in copied:
        first, slash, rest = entry.path.partition("/")
        named.append(replace(entry, path=f"{weights}{slash}{rest}") if first == _UNNAMED_WEIGHTS else entry)
    return named


def _others(staging: Path, entries: list[FileEntry]) -> list[Path]:
    """The files in the folder that are not among the entries."""
    known = {staging / entry.path for entry in entries}
    return [path for path in sorted(staging.rglob("*")) if not path.is_dir() and path not in known]


def _seal_others(staging: Path, entries: list[FileEntry]) -> list[FileEntry]:
    """Entries for what `finish` wrote."""
    added = []
    for path in _others(staging, entries):
        seal(path)
        name = path.relative_to(staging).as_posix()
        added.append(FileEntry(path=name, sha256=sha256_file(path), size_bytes=path.stat().st_size))
    return added


def _write_record(
    staging: Path, draft: VersionDraft, *, number: int, weights: str, entries: list[FileEntry]
) -> VersionRecord:
    """Write the record and its digest, last of all files, and bring every folder of the version to the disk."""
    files = tuple(sorted(entries, key=lambda entry: entry.path))
    known: dict[str, Any] = vars(draft)
    record = VersionRecord(
        **known,
        number=number,
        created=timestamp(),
        weights=weights,
        sha256=weights_digest(weights, files),
        files=files,
    )
    text = record.to_json().encode()
    # What a reader will see: lists for tuples, text keys in the config.
    record = VersionRecord.from_json(text)
    write_sealed(staging / RECORD_FILE, text)
    write_sealed(staging / RECORD_DIGEST_FILE, record_digest_text(text).encode())
    for folder in (staging, *(path for path in staging.rglob("*") if path.is_dir())):
        sync_folder(folder)
    return record
