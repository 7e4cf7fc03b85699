"""One immutable set of weights in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from yolow.errors import StoreError
from yolow.store.integrity import record_is_damaged
from yolow.store.record import RECORD_FILE, VersionRecord
from yolow.store.strict_json import read_small_file


@dataclass(frozen=True, kw_only=True)
class WeightsVersion:
    """A version: its folder and its record."""

    folder: Path
    record: VersionRecord

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def number(self) -> int:
        return self.record.number

    @property
    def reference(self) -> str:
        """`solar:v3`."""
        return f"{self.name}:v{self.number}"

    @property
    def weights_path(self) -> Path:
        """The weights file or export folder."""
        return self.folder / self.record.weights


def read_version(root: Path, name: str, number: int) -> WeightsVersion:
    """Read the record of a version that is there; its files are not looked at.

    Args:
        root: the store.
        name, number: of the version.

    Raises:
        StoreError: the record can't be read, or is that of another version.
    """
    folder = root / name / f"v{number}"
    try:
        record = _read_record(folder / RECORD_FILE, name, number)
    except StoreError as error:
        if not record_is_damaged(folder):
            raise
        raise StoreError(  # whatever it says now, such as the schema of a newer yolow
            "the record can't be read",
            context=error.context,
            note="it was changed or damaged after the version was made: its digest is another one",
            hint=f"bring the version back from a copy, or see what differs: yolow weights verify {name}:v{number}",
        ) from error
    return WeightsVersion(folder=folder, record=record)


def _read_record(path: Path, name: str, number: int) -> VersionRecord:
    try:
        record = VersionRecord.from_json(read_small_file(path), source=str(path))
    except OSError as error:
        raise StoreError("the record can't be read", context=[f"{path}: {error.strerror}"]) from error
    if (record.name, record.number) != (name, number):
        raise StoreError(
            "the record is that of another version",
            context=[f"{path}: the record of {record.name}:v{record.number}"],
            note="a version that was copied or renamed by hand is not a version",
        )
    return record
