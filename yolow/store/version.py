"""One immutable set of weights in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from yolow.store.record import VersionRecord


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
