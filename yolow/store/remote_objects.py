"""A bucket, or what else fsspec reaches, as a remote.

Objects appear whole, but a version is many of them. So the record comes first, created only where there is none: it
claims the number, and two who send different versions of one number can't mix their files. The record's digest comes
last and makes the version count. Whoever sends the same version again goes on where the first one stopped.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yolow.errors import MissingExtraError, NetworkError, StoreError, UsageError
from yolow.progress import Progress
from yolow.store.aliases import ALIASES_FILE, AliasState, aliases_text, parse_aliases, with_move
from yolow.store.digest import CHUNK_BYTES
from yolow.store.install import FinishedVersion, taken
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE, FileEntry, VersionRecord
from yolow.store.remote import EXAMPLE, PUSHED
from yolow.store.removal import tombstone_path
from yolow.store.strict_json import MOST_BYTES, parse_json
from yolow.store.version import WeightsVersion

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 15
# Two layers repeat, botocore what fails to connect or is told to come again, s3fs what breaks off: four attempts in
# all, so that a server that takes every connection and never answers is given up after a minute.
_CONNECT_ATTEMPTS = 2
_ATTEMPTS = 2
_PART_BYTES = 8 * 1024**2
_S3 = frozenset({"s3", "s3a"})
# Stores of objects by key: there are no folders to be made, and "making" one could make a bucket.
_WITHOUT_FOLDERS = _S3 | {"gs", "gcs", "az", "abfs", "abfss"}
_PACKAGES = {
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
}
_YOLOW_REMOTE = '"yolow[remote]"'
# A web server has no lists of its files that could be relied on, and takes none.
_NO_REMOTES = frozenset({"http", "https"})
_CANT_CREATE = frozenset({errno.ENOSYS, errno.EINVAL})
_MOST_OF_A_REASON = 200


def open_objects(scheme: str, rest: str, shown: str) -> ObjectRemote:
    """The remote of an address, such as `s3`, `bucket/prefix`.

    Raises:
        UsageError: the scheme is unknown, or the address is none of its kind.
        MissingExtraError: fsspec, or its package for the scheme, is not installed.
    """
    options: dict[str, Any] = {}
    if scheme in _S3:
        options["config_kwargs"] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "retries": {"mode": "standard", "total_max_attempts": _CONNECT_ATTEMPTS},
        }
    if scheme in _NO_REMOTES:
        raise UsageError("a web address can't be a remote", context=[f"remote: {shown}"], hint=EXAMPLE)
    if not rest.strip("/") and scheme != "memory":
        raise UsageError("the remote's URL names no bucket", context=[f"remote: {shown}"], hint=EXAMPLE)
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(
            f"{scheme}://{rest}", use_listings_cache=False, skip_instance_cache=True, **options
        )
    except ImportError as error:
        raise MissingExtraError(
            f"remotes at {scheme}:// need a package that is not installed",
            context=[f"remote: {shown}", str(error)],
            hint=f"pip install {_PACKAGES.get(scheme, _YOLOW_REMOTE)}",
        ) from None
    except ValueError as error:
        raise UsageError(
            "the remote's URL can't be used", context=[f"remote: {shown}", str(error)], hint=EXAMPLE
        ) from None
    if scheme in _S3:
        files.retries = _ATTEMPTS
    return ObjectRemote(files, root.rstrip("/"), shown, scheme)


class ObjectRemote:
    """See `Remote`."""

    def __init__(self, files: Any, root: str, shown: str, scheme: str) -> None:
        self._files = files
        self._root = root
        self._shown = shown
        self._scheme = scheme

    @property
    def shown(self) -> str:
        return self._shown

    def entries(self, path: str) -> list[str]:
        with self._explained("read"):
            try:
                found = self._files.ls(self._at(path), detail=False)
            except FileNotFoundError:
                return []
        return sorted({str(one).rstrip("/").rpartition("/")[2] for one in found} - {""})

    def read(self, path: str) -> bytes | None:
        try:
            content = b"".join(self._pieces(path, most_bytes=MOST_BYTES + 1))
        except FileNotFoundError:
            return None
        if len(content) > MOST_BYTES:
            raise NetworkError(
                "a file on the remote is too large for what it should be",
                context=[f"file: {self._shown}/{path}", f"more than {MOST_BYTES} bytes"],
            )
        return content

    def chunks(self, path: str) -> Iterator[bytes]:
        return self._pieces(path, most_bytes=None)

    def put(self, version: WeightsVersion, progress: Progress) -> None:
        record_json = (version.folder / RECORD_FILE).read_bytes()
        finished = FinishedVersion(record=version.record, record_json=record_json)
        is_new = self._claim(finished)
        done = 0
        for entry in version.record.files:
            if is_new or not self._has(finished, entry):
                self._send(version, entry, done, progress)
            done += entry.size_bytes
            progress.advance(done, finished.size_bytes, "bytes")
        # Where the service can't create conditionally, somebody may have been let in between; see `_create`.
        self._require_claim(finished)
        self._create(f"{finished.place}/{RECORD_DIGEST_FILE}", finished.digest_text)

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        path = f"{name}/{ALIASES_FILE}"
        text = self.read(path)
        states = {} if text is None else parse_aliases(text, source=f"{self._shown}/{path}")
        for alias, number in aliases.items():
            if states.get(alias, AliasState()).number != number:
                _, states = with_move(states, alias, number, PUSHED)
        content = aliases_text(states)
        if content != text:
            with self._explained("written"):
                self._make_folder_of(self._at(path))
                self._files.pipe_file(self._at(path), content)

    def _claim(self, finished: FinishedVersion) -> bool:
        """Take the number with the record; whether this process is the first to do so.

        Raises:
            ConflictError: it is another version's, or was that of one which was removed.
        """
        path = f"{finished.place}/{RECORD_FILE}"
        is_new = self.read(path) is None
        if is_new:
            self._require_not_removed(finished)
            is_new = self._create(path, finished.record_json)
        self._require_claim(finished)
        return is_new

    def _require_not_removed(self, finished: FinishedVersion) -> None:
        """A store that was synced to a bucket brings its tombstones; one that can't be read keeps its number too."""
        path = tombstone_path(Path(finished.record.name), finished.record.number).as_posix()
        text = self.read(path)
        if text is None:
            return
        try:
            value = parse_json(text)
            removed = value.get("record") if isinstance(value, dict) else None
            is_same = VersionRecord.from_json_value(removed, source=path) == finished.record
        except (ValueError, StoreError):
            is_same = False
        if not is_same:
            raise taken(finished.reference, where=self._shown, removed=True)

    def _require_claim(self, finished: FinishedVersion) -> None:
        if self.read(f"{finished.place}/{RECORD_FILE}") != finished.record_json:
            raise taken(finished.reference, where=self._shown)

    def _has(self, finished: FinishedVersion, entry: FileEntry) -> bool:
        """Whether an earlier, interrupted process sent this file: by its size, then by its content, read back."""
        digest, path = hashlib.sha256(), f"{finished.place}/{entry.path}"
        try:
            with self._explained("read"):
                size_bytes = self._files.info(self._at(path))["size"]
            if size_bytes != entry.size_bytes:
                return False
            for chunk in self.chunks(path):
                digest.update(chunk)
        except FileNotFoundError:
            return False
        return digest.hexdigest() == entry.sha256

    def _send(self, version: WeightsVersion, entry: FileEntry, done: int, progress: Progress) -> None:
        from fsspec.callbacks import Callback

        total = sum(one.size_bytes for one in version.record.files)

        def advance(size: int | None, value: int, **_: object) -> None:
            progress.advance(done + min(value, entry.size_bytes), total, "bytes")

        path = self._at(f"{version.name}/v{version.number}/{entry.path}")
        options = {"chunksize": _PART_BYTES} if self._scheme in _S3 else {}
        with self._explained("written"):
            self._make_folder_of(path)
            self._files.put_file(
                str(version.folder / entry.path),
                path,
                callback=Callback(hooks={"advance": advance}),
                **options,
            )

    def _create(self, path: str, content: bytes) -> bool:
        """Write a small file unless there is one; whether it was written.

        With S3 the service itself decides (`If-None-Match: *`). A service that has no such condition gets a plain
        write; then two who write at the same moment are told apart only by reading back, which leaves a short race.
        """
        place = self._at(path)
        with self._explained("written"):
            self._make_folder_of(place)
            try:
                self._files.pipe_file(place, content, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                # A lost race (409, 412), or an answer that was lost after the write.
                if self._files.exists(place):
                    return False
                if not (isinstance(error, NotImplementedError) or getattr(error, "errno", 0) in _CANT_CREATE):
                    raise
                self._files.pipe_file(place, content)
        return True

    def _make_folder_of(self, place: str) -> None:
        if self._scheme not in _WITHOUT_FOLDERS:
            self._files.makedirs(place.rpartition("/")[0], exist_ok=True)

    def _pieces(self, path: str, *, most_bytes: int | None) -> Iterator[bytes]:
        left = most_bytes
        with self._explained("read"):
            stream = self._files.open(self._at(path), "rb", block_size=_PART_BYTES)
        try:
            while left is None or left > 0:
                with self._explained("read"):
                    chunk = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            stream.close()

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn what fsspec and the packages below it raise, each in its own way, into a `NetworkError`."""
        try:
            yield
        except FileNotFoundError as error:
            if what == "read":
                raise
            raise self._failure(what, error) from None
        except Exception as error:
            raise self._failure(what, error) from None

    def _failure(self, what: str, error: Exception) -> NetworkError:
        reason = (
            (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        )
        return NetworkError(
            f"the remote can't be {what}",
            context=[f"remote: {self._shown}", _without_secrets(reason)[:_MOST_OF_A_REASON]],
            hint=self._hint(error),
        )

    def _hint(self, error: Exception) -> str:
        if isinstance(error, PermissionError) or "redential" in type(error).__name__:
            return "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."
        if isinstance(error, FileNotFoundError) and self._scheme in _S3:
            return f"make the bucket first: aws s3 mb s3://{self._root.partition('/')[0]}"
        return "see whether the address is right (echo $AWS_ENDPOINT_URL), and run the same command again"


def _without_secrets(reason: str) -> str:
    """An error's text, without the keys in the addresses of servers and proxies that it quotes."""
    return re.sub(r"\S+@", "…@", reason)
