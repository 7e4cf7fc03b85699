"""A folder as a remote, on this machine or on a mounted disk: it is a store itself, and is written as one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from yolow.errors import StoreError
from yolow.progress import Progress
from yolow.store.digest import CHUNK_BYTES
from yolow.store.install import FinishedVersion, install_version, set_aliases, write_files
from yolow.store.record import RECORD_FILE
from yolow.store.remote import PUSHED
from yolow.store.store import Store
from yolow.store.strict_json import read_small_file
from yolow.store.version import WeightsVersion


class FolderRemote:
    """See `Remote`. A version appears in one step, as in every store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def shown(self) -> str:
        return str(self._folder)

    def entries(self, path: str) -> list[str]:
        with self._explained("read"):
            try:
                return sorted(entry.name for entry in (self._folder / path).iterdir())
            except FileNotFoundError:
                return []
            except NotADirectoryError:
                if not path:
                    raise
                return []  # a file beside the names

    def read(self, path: str) -> bytes | None:
        with self._explained("read"):
            try:
                return read_small_file(self._folder / path)
            except FileNotFoundError:
                return None

    def chunks(self, path: str) -> Iterator[bytes]:
        with self._explained("read"):
            # Not blocking: a pipe in the place of a file would keep us waiting for ever.
            descriptor = os.open(self._folder / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            while True:
                with self._explained("read"):
                    chunk = stream.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    def put(self, version: WeightsVersion, progress: Progress) -> None:
        record_json = (version.folder / RECORD_FILE).read_bytes()
        finished = FinishedVersion(record=version.record, record_json=record_json)
        source = FolderRemote(version.folder)
        try:
            install_version(
                self._folder,
                finished,
                lambda staging: write_files(
                    staging,
                    finished,
                    source.chunks,
                    progress,
                    remedy=f"yolow weights verify {version.reference}",
                ),
            )
        except StoreError as error:
            raise StoreError(
                f"{version.reference} can't be written to the remote",
                context=error.context,
                hint="choose a folder that you can write to: yolow weights push FOLDER",
            ) from error

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        set_aliases(Store(self._folder), name, aliases, reason=PUSHED)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            place = error.filename or self._folder
            raise StoreError(
                f"the remote can't be {what}", context=[f"{place}: {error.strerror or error}"]
            ) from error
