"""Where new versions are made: folders of their own below `.staging`, and files that are on the disk when they say so.

<root>/.lock                     held while a number is taken
<root>/.staging/<random>/        one folder for each version that is being made
    owner.lock                   held as long as its maker lives, whatever ends it
    version/                     becomes <root>/<name>/v<N>
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from yolow.errors import StoreError
from yolow.store.digest import CHUNK_BYTES
from yolow.store.record import FileEntry, is_inner_path

_LOCK_TIMEOUT_S = 600.0
_POLL_S = 0.01


@contextmanager
def store_lock(root: Path) -> Iterator[None]:
    """Keep every other writer out of the store.

    Raises:
        StoreError: another process holds the lock for too long.
    """
    path = root / ".lock"
    lock = FileLock(path, timeout=_LOCK_TIMEOUT_S)
    try:
        lock.acquire(poll_interval=_POLL_S)
    except Timeout:
        raise StoreError(
            f"another process has held the store for {_LOCK_TIMEOUT_S / 60:.0f} minutes",
            context=[f"lock: {path}"],
            hint=f"see which process holds it, end it and try again: fuser {path}",
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def explained(root: Path, failure: str) -> Iterator[None]:
    """Turn what the system refuses into a `StoreError` that says what to do.

    Args:
        root: the store.
        failure: what could not be done, such as `the version can't be added to the store`.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or root
        message, hint = failure, None
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            message = f"the disk is full: {failure}"
            hint = "free some space, or choose another disk: --store FOLDER"
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            hint = "choose a store that you can write to: --store FOLDER"
        elif error.errno in {errno.ENOTDIR, errno.EEXIST}:
            hint = "the store must be a folder: --store FOLDER"
        raise StoreError(
            message, context=[f"store: {root}", f"{place}: {error.strerror or error}"], hint=hint
        ) from error


def timestamp() -> str:
    """This moment in ISO 8601, UTC, with microseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """An empty folder for a new version. It is gone afterwards, and so is what killed processes left in theirs."""
    root.mkdir(parents=True, exist_ok=True)
    place = root / ".staging" / uuid.uuid4().hex
    owner = FileLock(place / "owner.lock", timeout=0)
    try:
        # Under the store's lock, so that nobody sweeps the folder away before its owner's lock is held.
        with store_lock(root):
            _sweep(place.parent)
            (place / "version").mkdir(parents=True)
            owner.acquire()
        yield place / "version"
    finally:
        shutil.rmtree(place, ignore_errors=True)
        owner.release()


def _sweep(stagings: Path) -> None:
    """Remove the folders of dead makers: the system has let go of their locks."""
    if not stagings.is_dir():
        return
    for place in stagings.iterdir():
        try:
            with FileLock(place / "owner.lock", timeout=0):
                shutil.rmtree(place, ignore_errors=True)
        except OSError:
            continue  # its maker lives (filelock's Timeout is an OSError), or it belongs to another user


def copy_into(staging: Path, source: Path, name: str) -> list[FileEntry]:
    """Copy a file, or all files of a folder, to `name` inside the staging folder.

    Raises:
        StoreError: a folder holds a symbolic link or a file whose name can't be kept.
        OSError: reading or writing failed.
    """
    if not source.is_dir():
        return [_copy_file(source, staging, name)]
    entries = []
    for path in sorted(source.rglob("*")):
        if path.is_symlink():
            raise StoreError(
                "a folder with symbolic links can't become part of a version", context=[str(path)]
            )
        if not path.is_dir():
            inner = f"{name}/{path.relative_to(source).as_posix()}"
            if not is_inner_path(inner):
                raise StoreError("a version can't have a file of this name", context=[repr(str(path))])
            entries.append(_copy_file(path, staging, inner))
    return entries


def _copy_file(source: Path, staging: Path, name: str) -> FileEntry:
    """The digest is of the bytes that were written, even where the source changes meanwhile."""
    target = staging / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size_bytes = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
    seal(target)
    return FileEntry(path=name, sha256=digest.hexdigest(), size_bytes=size_bytes)


def write_sealed(path: Path, content: bytes) -> None:
    """Write a new read-only file, down to the disk."""
    with path.open("xb") as stream:
        stream.write(content)
    seal(path)


def seal(path: Path) -> None:
    """Bring a file to the disk and make it read-only for everyone who may read it."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), os.fstat(stream.fileno()).st_mode & 0o444)


def replace_whole(path: Path, content: bytes) -> None:
    """Replace a small file in one step, down to the disk; the store is locked.

    What a killed writer leaves beside the file has a fixed name, so that the next one takes it away.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
