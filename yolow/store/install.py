"""Put a version that was made elsewhere into a store, under its own number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yolow.errors import ConflictError, IntegrityError
from yolow.progress import Progress
from yolow.store.integrity import record_digest_text
from yolow.store.publish import LAST_NUMBER_FILE, next_number
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE, FileEntry, VersionRecord
from yolow.store.removal import read_tombstone, tombstone_path
from yolow.store.staging import (
    explained,
    replace_whole,
    seal,
    staging_folder,
    store_lock,
    sync_folder,
    write_sealed,
)
from yolow.store.strict_json import read_small_file

if TYPE_CHECKING:
    from yolow.store.store import Store
    from yolow.store.version import WeightsVersion


@dataclass(frozen=True, kw_only=True)
class FinishedVersion:
    """A version whose record has its digest; the files are yet to be compared.

    Attributes:
        record: of the version.
        record_json: the bytes that the record was read from, and that its digest covers.
    """

    record: VersionRecord
    record_json: bytes

    @property
    def reference(self) -> str:
        """`solar:v3`."""
        return f"{self.record.name}:v{self.record.number}"

    @property
    def place(self) -> str:
        """`solar/v3`."""
        return f"{self.record.name}/v{self.record.number}"

    @property
    def digest_text(self) -> bytes:
        """The content of `record.json.sha256`."""
        return record_digest_text(self.record_json).encode()

    @property
    def size_bytes(self) -> int:
        """Of all files but the record."""
        return sum(entry.size_bytes for entry in self.record.files)


# Name and number.
Place = tuple[str, int]
Presence = Literal["absent", "same", "other", "removed", "other removed"]


def is_here(root: Path, place: Place, digest: bytes | None) -> bool:
    """Whether a store has the version with this record's digest.

    Args:
        root: of the store.
        place: name and number.
        digest: the content of the other's `record.json.sha256`.
    """
    try:
        return read_small_file(root / place[0] / f"v{place[1]}" / RECORD_DIGEST_FILE) == digest
    except OSError:
        return False


def presence(root: Path, finished: FinishedVersion) -> Presence:
    """What a store has under a version's number: nothing, it, another one, or the note that one was removed."""
    folder, place = root / finished.place, (finished.record.name, finished.record.number)
    if folder.is_symlink() or folder.exists():
        return "same" if is_here(root, place, finished.digest_text) else "other"
    tombstone = read_tombstone(folder.parent, finished.record.number)
    if tombstone is None:
        return "absent"
    return "removed" if tombstone.record == finished.record else "other removed"


def require_free(root: Path, finished: FinishedVersion, *, where: str) -> Presence:
    """What `presence` says, unless the number is another version's.

    Args:
        where: of the store, for the error.

    Raises:
        ConflictError: the number is taken by another version, or was by one that is removed.
    """
    found = presence(root, finished)
    if found in {"other", "other removed"}:
        raise taken(finished.reference, where=where, removed=found == "other removed")
    return found


def taken(reference: str, *, where: str, removed: bool = False) -> ConflictError:
    """The error that a number belongs to another version."""
    name = reference.partition(":")[0]
    held = f"another {reference}, which was removed," if removed else f"another {reference}"
    return ConflictError(
        f"{held} has this number",
        context=[f"there: {where}"],
        note="numbers are never given twice, and versions are never overwritten",
        hint=f"bring the weights in under another name: yolow weights import FILE --name {name}-2",
    )


def install_version(root: Path, finished: FinishedVersion, fill: Callable[[Path], None]) -> None:
    """Add a version as it is, in one step: whatever ends this early, the store holds all of it or nothing.

    Args:
        root: the store.
        finished: the version; where the store has it, nothing happens, and where it was removed, it comes back.
        fill: writes the files that the record lists into the folder that it gets, read-only and down to the disk, and
            raises where one is not as the record says.

    Raises:
        ConflictError: see `require_free`.
        StoreError: the store can't be written.
    """
    home, target = root / finished.record.name, root / finished.place
    failure = f"{finished.reference} can't be added to the store"
    with explained(root, failure), staging_folder(root) as staging:
        fill(staging)
        write_sealed(staging / RECORD_FILE, finished.record_json)
        write_sealed(staging / RECORD_DIGEST_FILE, finished.digest_text)
        for folder in (staging, *(path for path in staging.rglob("*") if path.is_dir())):
            sync_folder(folder)
        with store_lock(root):
            if require_free(root, finished, where=str(root)) == "same":
                return
            home.mkdir(exist_ok=True)
            last_number = max(next_number(home) - 1, finished.record.number)
            replace_whole(home / LAST_NUMBER_FILE, f"{last_number}\n".encode())
            staging.rename(target)
            sync_folder(home)
            sync_folder(root)
            tombstone_path(home, finished.record.number).unlink(missing_ok=True)


def set_aliases(store: Store, name: str, aliases: Mapping[str, int], *, reason: str) -> None:
    """Let each alias stand for its version, whatever it stood for before.

    Raises:
        ConfigError: a word can't be an alias.
        WeightsNotFoundError: there is no such version.
        StoreError: the store can't be written.
    """
    for alias, number in aliases.items():
        _set_alias(store, store.get(name, number), alias, reason)


def _set_alias(store: Store, version: WeightsVersion, alias: str, reason: str) -> None:
    store.change_alias(version.name, alias, lambda _: version, reason=reason)


def write_files(
    staging: Path,
    finished: FinishedVersion,
    source: Callable[[str], Iterator[bytes]],
    progress: Progress,
    *,
    remedy: str,
) -> None:
    """Write the files of a version into its staging folder, each compared with the record byte for byte.

    Args:
        staging: the folder.
        finished: the version.
        source: gives the content of a file of the version, by its path, piece by piece. No more is taken of it than the
            record says.
        progress: advances in bytes.
        remedy: what a person should do about a file that is not as it should be.

    Raises:
        IntegrityError: a file is not what the record says.
        OSError: the folder can't be written.
    """
    done = 0
    for entry in finished.record.files:
        target = staging / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size_bytes = hashlib.sha256(), 0
        with target.open("xb") as stream:
            for chunk in _pieces(finished, entry, source, remedy):
                size_bytes += len(chunk)
                if size_bytes > entry.size_bytes:
                    break
                stream.write(chunk)
                digest.update(chunk)
                progress.advance(done + size_bytes, finished.size_bytes, "bytes")
        found = _difference(entry, size_bytes=size_bytes, sha256=digest.hexdigest())
        if found is not None:
            expected = f"sha256 {entry.sha256} ({entry.size_bytes} bytes)"
            raise damaged(finished.reference, entry.path, expected=expected, found=found, remedy=remedy)
        seal(target)
        done += size_bytes


def _pieces(
    finished: FinishedVersion, entry: FileEntry, source: Callable[[str], Iterator[bytes]], remedy: str
) -> Iterator[bytes]:
    try:
        yield from source(entry.path)
    except FileNotFoundError:
        raise damaged(
            finished.reference, entry.path, expected="a file", found="missing", remedy=remedy
        ) from None


def _difference(entry: FileEntry, *, size_bytes: int, sha256: str) -> str | None:
    """What was found in place of a file; None: the file."""
    if size_bytes > entry.size_bytes:
        return f"more than {entry.size_bytes} bytes"
    is_same = (size_bytes, sha256) == (entry.size_bytes, entry.sha256)
    return None if is_same else f"sha256 {sha256} ({size_bytes} bytes)"


def damaged(reference: str, path: str, *, expected: str, found: str, remedy: str) -> IntegrityError:
    """The error that a file of a version is not as it should be.

    Args:
        reference: of the version.
        path: of the file, inside the version.
        expected, found: digest, size or a word such as `missing`.
        remedy: what to do about it.
    """
    return IntegrityError(
        f"{reference} is not what its record says",
        context=[f"file: {path}", f"expected: {expected}", f"found: {found}"],
        note="the bytes were changed or damaged after the version was made; nothing of it was taken over",
        hint=remedy,
    )
