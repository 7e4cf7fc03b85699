"""A corpus of hostile weight files, for tests of everything that reads weights.

`build_corpus` writes one file for each mechanism. A payload that ran leaves the canary file; where `fires` is true,
an ordinary unpickler does leave it, which a test proves, so that the absence of the canary means something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .gadgets import GADGETS
from .shapes import SHAPES


@dataclass(frozen=True)
class HostileFile:
    """One hostile file.

    Attributes:
        mechanism: what it tries, in words.
        outcome: `refused` where it names or misuses code, `broken` where it is no usable checkpoint.
        fires: whether an ordinary unpickler that loads it runs the payload.
        finding: a text that the error's message or context holds.
    """

    name: str
    path: Path
    mechanism: str
    outcome: str
    fires: bool
    finding: str


def corpus_names() -> list[str]:
    """The names of all files of the corpus."""
    return [*GADGETS, *SHAPES]


def build_corpus(folder: Path, canary: Path) -> list[HostileFile]:
    """Write the corpus.

    Args:
        folder: an existing folder for the files.
        canary: the file that a payload creates when it runs.
    """
    files = []
    for name, gadget in GADGETS.items():
        path = folder / f"{name}.pt"
        gadget.write(path, canary)
        files.append(HostileFile(name, path, gadget.mechanism, "refused", gadget.fires, gadget.finding))
    for name, shape in SHAPES.items():
        path = folder / f"{name}.pt"
        write: Callable[[Path], object] = shape.write
        write(path)
        files.append(HostileFile(name, path, shape.mechanism, "broken", False, shape.finding))
    return files
