"""What every recipe gets from the command line: where things live and whom to tell."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yolow.progress import Progress
from yolow.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Session:
    """The surroundings of one command.

    Attributes:
        store: the weights store.
        runs: folder of training runs.
        cache_dir: yolow's cache.
        offline: forbid the network even where the user's words would need it.
        progress: the display.
        allow_code: run code that a data set carries (its `download:` script).
    """

    store: Store
    runs: Path
    cache_dir: Path
    offline: bool
    progress: Progress
    allow_code: bool = False

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder in the cache that is gone afterwards."""
        parent = self.cache_dir / "tmp"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            yield Path(folder)
