"""Official weights: which names exist, and where the file comes from.

The names are those of the `ultralytics/assets` releases, as far as they are networks of a task that yolow handles.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yolow.errors import NetworkError, WeightsError
from yolow.progress import Progress
from yolow.store.digest import sha256_file

OFFICIAL_SHA256 = {"yolo26n.pt": "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef"}
WEIGHTS_DIR_VARIABLE = "YOLOW_WEIGHTS_DIR"

_RELEASE_URL = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
_NAME = re.compile(
    r"""(
      yolo26[nsmlx](-(cls|seg|pose|obb|objv1-150|objv1-seg))?
    | yolo11[nsmlx](-(cls|seg|pose|obb))?
    | yolo12[nsmlx]
    | yolov10[nsmblx]
    | yolov9([tsmce]|[ce]-seg)
    | yolov8[nsmlx](-(cls|seg|pose|obb|oiv7))?
    | yolov8x-pose-p6
    | yolov5[nsmlx]6?u
    | yolov3(-spp|-tiny)?u
    )\.pt""",
    re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class OfficialFile:
    """A file that stands for an official name.

    Attributes:
        path: absolute.
        sha256: digest of its content.
        origin: `weights-dir` (`$YOLOW_WEIGHTS_DIR`), `cache` (ours) or `download`.
        note: what a person should know about it: that it is not the official file, or that no official digest is
            known to compare with.
    """

    path: Path
    sha256: str
    origin: Literal["weights-dir", "cache", "download"]
    note: str | None


def is_official(name: str) -> bool:
    """Whether Ultralytics publishes weights of this file name."""
    return _NAME.fullmatch(name) is not None


def official_url(name: str) -> str:
    """Where Ultralytics publishes the file."""
    return _RELEASE_URL + name


def locate_official(name: str, *, offline: bool, cache_dir: Path, progress: Progress) -> OfficialFile:
    """Find or fetch an official file: `$YOLOW_WEIGHTS_DIR`, then our cache, then the download.

    A file in `$YOLOW_WEIGHTS_DIR` is used as it is. In the cache and from the network the official digest is
    demanded wherever one is known.

    Args:
        name: an official name, such as `yolo26n.pt`.
        offline: forbid the download.
        cache_dir: yolow's cache; the file lies in `weights/` there.
        progress: shows the download.

    Raises:
        NetworkError: the file is nowhere on this machine and can't be downloaded.
        WeightsError: a local file can't be read.
        StoreError, ResourceError: the cache can't be written.
    """
    supplied = _in_weights_dir(name)
    if supplied is not None:
        sha256 = _digest_of(supplied)
        note = _note(name, sha256, f"from {WEIGHTS_DIR_VARIABLE} ")
        return OfficialFile(path=supplied, sha256=sha256, origin="weights-dir", note=note)
    cached = cache_dir.absolute() / "weights" / name
    expected = OFFICIAL_SHA256.get(name)
    damage: list[str] = []
    if _is_file(cached):
        sha256 = _digest_of(cached)
        if expected is None or sha256 == expected:
            return OfficialFile(path=cached, sha256=sha256, origin="cache", note=_note(name, sha256))
        damage = [f"refused: {cached}: sha256 {sha256}, expected {expected}"]
        progress.message(
            f"the cached {name} is not the official file and is not used: its sha256 is {sha256}"
        )
    if offline:
        raise _not_here(name, damage)
    return _fetch(name, cached, expected, progress)


def _in_weights_dir(name: str) -> Path | None:
    folder = os.environ.get(WEIGHTS_DIR_VARIABLE)
    if not folder:
        return None
    path = Path(folder).expanduser().absolute() / name
    return path if _is_file(path) else None


def _fetch(name: str, target: Path, expected: str | None, progress: Progress) -> OfficialFile:
    from yolow.store.download import download

    progress.phase("download", name)
    try:
        sha256 = download(official_url(name), target, progress=progress, sha256=expected)
    except NetworkError as error:
        raise NetworkError(
            f"{name} can't be downloaded",
            context=[error.message, *error.context],
            note=_local_note(name),
            hint=_local_hint(name),
        ) from error
    return OfficialFile(path=target, sha256=sha256, origin="download", note=_note(name, sha256))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise WeightsError("the weights can't be read", context=[f"{path}: {error.strerror}"]) from error


def _digest_of(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise WeightsError("the weights can't be read", context=[f"{path}: {error.strerror}"]) from error


def _note(name: str, sha256: str, place: str = "") -> str | None:
    expected = OFFICIAL_SHA256.get(name)
    if expected is None:
        return f"no official digest of {name} is known; the sha256 of the file {place}is {sha256}"
    if sha256 != expected:
        return f"{name} {place}is not the official file: its sha256 is {sha256}, the official one {expected}"
    return None


def _not_here(name: str, damage: list[str]) -> NetworkError:
    return NetworkError(
        f"{name} is not on this machine, and --offline forbids the download",
        context=[*damage, _weights_dir_line(name)],
        hint=_local_hint(name),
    )


def _weights_dir_line(name: str) -> str:
    folder = os.environ.get(WEIGHTS_DIR_VARIABLE)
    return (
        f"{WEIGHTS_DIR_VARIABLE} is not set"
        if not folder
        else f"{WEIGHTS_DIR_VARIABLE}={folder} has no {name}"
    )


def _local_note(name: str) -> str:
    return f"a copy of {name} from another machine will do; {_weights_dir_line(name)}"


def _local_hint(name: str) -> str:
    return f"put {name} into a folder and name that folder: export {WEIGHTS_DIR_VARIABLE}=FOLDER"
