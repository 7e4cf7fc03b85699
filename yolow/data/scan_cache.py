"""What the last check found in each file, kept as JSON in yolow's cache. It only ever saves time.

A file counts as unchanged when its size and its modification time in nanoseconds are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from yolow.data.images import ImageFacts
from yolow.data.labels import LabelFacts

# Raise it when a check changes, so that old findings are not believed.
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class FileState:
    """Size and modification time; both -1 where the file can't be looked at."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class CachedScan:
    """Findings by path, as JSON values: `[size_bytes, mtime_ns, layout of keypoints, facts]`."""

    images: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        images: Mapping[Path, ImageFacts],
        labels: Mapping[Path, LabelFacts],
        states: Mapping[Path, FileState],
        layout: str,
    ) -> CachedScan:
        """Findings worth keeping: a file that could not be read may be readable next time."""
        return cls(
            images={
                str(path): _row(states[path], "", facts) for path, facts in images.items() if facts.sha256
            },
            labels={
                str(path): _row(states[path], layout, facts) for path, facts in labels.items() if facts.sha256
            },
        )

    def only(self, files: set[Path]) -> CachedScan:
        """The findings on some files."""
        texts = {str(file) for file in files}
        return CachedScan(
            images={path: row for path, row in self.images.items() if path in texts},
            labels={path: row for path, row in self.labels.items() if path in texts},
        )

    def image(self, path: Path, state: FileState) -> ImageFacts | None:
        """What is known of an image, where it hasn't changed."""
        match self.images.get(str(path)):
            case [state.size_bytes, state.mtime_ns, "", {"sha256": str(sha256), **rest}]:
                match rest:
                    case {"fault": None | str() as fault, "rewritten": bool(rewritten)}:
                        return ImageFacts(sha256=sha256, fault=fault, rewritten=rewritten)
        return None

    def label(self, path: Path, state: FileState, layout: str) -> LabelFacts | None:
        """What is known of a label file, where neither it nor the layout of keypoints has changed."""
        match self.labels.get(str(path)):
            case [state.size_bytes, state.mtime_ns, str(known), dict(facts)] if known == layout:
                with suppress(KeyError, TypeError, ValueError):
                    return _label(facts)
        return None


def read_cache(cache_dir: Path | None, dataset: Path) -> CachedScan:
    """The findings of earlier checks; a missing, damaged or foreign file counts as none."""
    merged = CachedScan()
    for section in _sections(cache_dir, dataset).values():
        merged.images.update(section.images)
        merged.labels.update(section.labels)
    return merged


def write_cache(cache_dir: Path | None, dataset: Path, sections: Mapping[str, CachedScan]) -> None:
    """Keep findings by split, in one step; the splits that weren't looked at keep theirs.

    A cache that can't be written costs time next time, nothing else.
    """
    if cache_dir is None:
        return
    target = _file(cache_dir, dataset)
    document = {
        "format": _FORMAT,
        "pillow": _pillow(),
        "dataset": str(dataset),
        "splits": {
            name: asdict(section) for name, section in {**_sections(cache_dir, dataset), **sections}.items()
        },
    }
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".scan-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(document, file, separators=(",", ":"))
            os.replace(temporary, target)  # noqa: PTH105  # mkstemp gives text
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _file(cache_dir: Path, dataset: Path) -> Path:
    key = hashlib.sha256(os.fsencode(dataset)).hexdigest()
    return cache_dir / "data" / f"{key[:32]}.json"


def _sections(cache_dir: Path | None, dataset: Path) -> dict[str, CachedScan]:
    if cache_dir is None:
        return {}
    try:
        document = json.loads(_file(cache_dir, dataset).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    match document:
        case {"format": int(version), "pillow": str(pillow), "splits": dict(splits)}:
            if version == _FORMAT and pillow == _pillow():
                return {name: _section(section) for name, section in splits.items()}
    return {}


def _section(value: Any) -> CachedScan:
    match value:
        case {"images": dict(images), "labels": dict(labels)}:
            return CachedScan(images=images, labels=labels)
    return CachedScan()


def _pillow() -> str:
    """Another Pillow may decode other files."""
    from PIL import __version__

    return str(__version__)


def _row(state: FileState, layout: str, facts: ImageFacts | LabelFacts) -> list[Any]:
    return [state.size_bytes, state.mtime_ns, layout, asdict(facts)]


def _label(facts: dict[str, Any]) -> LabelFacts:
    """
    Raises:
        KeyError, TypeError, ValueError: these are no facts of ours.
    """
    counts = {
        name: _integer(facts[name])
        for name in ("instances", "duplicates", "over_edge", "without_area", "fault_count")
    }
    return LabelFacts(
        sha256=_text(facts["sha256"]),
        classes=tuple(
            (_integer(class_id), _integer(count), _integer(line))
            for class_id, count, line in facts["classes"]
        ),
        kinds=tuple((_text(kind), _integer(line)) for kind, line in facts["kinds"]),
        faults=tuple((_integer(line), _text(what)) for line, what in facts["faults"]),
        **counts,
    )


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
