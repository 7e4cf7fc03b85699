"""What `predict` looks at: files, folders, globs and samples, listed without opening them."""

from __future__ import annotations

import difflib
import glob
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yolow.errors import InputError

IMAGE_SUFFIXES = frozenset(
    "avif bmp dng heic heif jp2 jpeg jpg mpo png tif tiff webp".split()  # noqa: SIM905  # reads better
)
VIDEO_SUFFIXES = frozenset("asf avi gif m4v mkv mov mp4 mpeg mpg ts webm wmv".split())  # noqa: SIM905
_SAMPLES = ("bus.jpg", "zidane.jpg")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input file.

    Attributes:
        path: where it lies.
        name: how to call it in reports: as the user gave it, or its path below the folder that they gave.
        kind: `image` or `video`.
        note: said once where the file is not the one that the words seem to name.
    """

    path: Path
    name: str
    kind: Literal["image", "video"]
    note: str | None = None


def is_url(text: str) -> bool:
    """Whether an input must be fetched."""
    return text.startswith(("http://", "https://"))


def list_sources(text: str, *, cwd: Path | None = None) -> Iterator[Source]:
    """The files that one input names, in sorted order.

    Args:
        text: a file, a folder (searched below too), or a glob. A file is taken whatever its suffix; in folders
            and globs only known image and video suffixes count.
        cwd: what relative paths start from.

    Raises:
        InputError: nothing is there; the nearest file name is given.
    """
    cwd = cwd or Path.cwd()
    path = cwd / Path(text).expanduser()
    if path.is_file():
        yield Source(path=path, name=text, kind=_kind(path) or "image")
    elif path.is_dir():
        yield from _found(text, (file for file in sorted(path.rglob("*")) if file.is_file()), path)
    elif glob.has_magic(text):
        files = (Path(file) for file in sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207  # user's glob
        yield from _found(text, (file for file in files if file.is_file()), cwd)
    elif text in _SAMPLES and (sample := _sample(text)) is not None:
        note = f"no file {text} here: using the sample that ships with Ultralytics"
        yield Source(path=sample, name=text, kind="image", note=note)
    else:
        raise _missing(text, path)


def _found(text: str, files: Iterator[Path], root: Path) -> Iterator[Source]:
    some = False
    for file in files:
        if (kind := _kind(file)) is not None:
            some = True
            yield Source(path=file, name=_relative(file, root), kind=kind)
    if not some:
        raise InputError(
            "no images or videos there",
            context=[text],
            note=f"known suffixes: {', '.join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))}",
        )


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _kind(path: Path) -> Literal["image", "video"] | None:
    suffix = path.suffix[1:].lower()
    if suffix in IMAGE_SUFFIXES:
        return "image"
    return "video" if suffix in VIDEO_SUFFIXES else None


def _sample(name: str) -> Path | None:
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "assets" / name
    return path if path.exists() else None


def _missing(text: str, path: Path) -> InputError:
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return InputError(
        "no such file, folder or glob",
        context=[text],
        note=f"near: {path.parent / near[0]}" if near else None,
        hint="give image files, folders, globs, videos or URLs",
    )
