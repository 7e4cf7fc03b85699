"""Types that the fixtures of `conftest.py` hand to tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Finished:
    """A finished `yolow` process."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The `--json` document."""
        value: dict[str, Any] = json.loads(self.out)
        return value


Yolow = Callable[..., Finished]


@dataclass(frozen=True)
class Trained:
    """A small detector, trained for real: where its store lies and what it was trained on."""

    folder: Path
    data: Path
    document: dict[str, Any]

    @property
    def weights(self) -> Path:
        return Path(self.document["path"])
