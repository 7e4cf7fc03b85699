"""Read a data-set YAML as Ultralytics and Roboflow write them, and report every mistake with its place.

Source of the format: https://docs.ultralytics.com/datasets/detect/ and `check_det_dataset` of ultralytics 8.4.
"""

from __future__ import annotations

import difflib
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from yolow.config.strict_yaml import KeyPath, YamlDocument, load_yaml_file
from yolow.data.dataset_types import SPLITS, Dataset, Split
from yolow.data.split_files import files_below, files_in_list, is_image_name, is_unexpected, label_path
from yolow.data.yaml_fields import read_channels, read_flip_idx, read_kpt_shape, read_names
from yolow.data.yaml_mistakes import YamlMistakes
from yolow.errors import ConfigError, DataError, MissingImagesError

_OWN_KEYS = frozenset(
    {"path", *SPLITS, "validation", "names", "nc", "kpt_shape", "flip_idx", "channels", "download"}
)

_LAYOUT = "a data set has `train`, `val` and `names`; relative paths start from the folder of the YAML"


def read_dataset_yaml(path: Path, splits: tuple[str, ...]) -> Dataset:
    """Read the YAML and list the files of the splits.

    Raises:
        DataError: see `load_dataset`.
    """
    document = _document(path)
    value: dict[str | int, Any] = document.value
    mistakes = YamlMistakes(document)
    names = read_names(value, mistakes)
    kpt_shape = read_kpt_shape(value, mistakes)
    flip_idx = read_flip_idx(value, kpt_shape, mistakes)
    channels = read_channels(value, mistakes)
    download = _download(value, mistakes)
    root = _root(value, path, mistakes)
    found = {name: split for name in splits if (split := _split(name, value, root, mistakes)) is not None}
    if mistakes.wrong:
        raise DataError(
            "the data set's YAML has mistakes",
            context=mistakes.all_lines(),
            hint=_LAYOUT,
        )
    if mistakes.missing:
        raise _missing_images(path, document, download, mistakes)
    same = [name for name, count in Counter(names.values()).items() if count > 1]
    return Dataset(
        name=path.parent.name if path.stem == "data" and path.parent.name else path.stem,
        path=path,
        root=root or path.parent,
        kind="detect-like",
        names=names,
        splits=found,
        kpt_shape=kpt_shape,
        flip_idx=flip_idx,
        channels=channels,
        download=download,
        extra={str(key): item for key, item in value.items() if key not in _OWN_KEYS},
        notes=tuple(f"several classes are called '{name}'" for name in same),
    )


def _document(path: Path) -> YamlDocument:
    source = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    try:
        document = load_yaml_file(path, source=source)
    except ConfigError as error:
        raise DataError(
            f"the data set's YAML can't be read: {error.message}", context=error.context, hint=error.hint
        ) from None
    if not isinstance(document.value, dict):
        raise DataError(
            "the data set's YAML has mistakes",
            context=[f"{source}: expected the keys 'train', 'val' and 'names'"],
            hint=_LAYOUT,
        )
    return document


def _download(value: dict[str | int, Any], mistakes: YamlMistakes) -> str | None:
    download = value.get("download")
    if download is None or isinstance(download, str):
        return download or None
    mistakes.add(("download",), "download: expected an address or a script")
    return None


def _root(value: dict[str | int, Any], path: Path, mistakes: YamlMistakes) -> Path | None:
    """The folder that relative paths start from; None where the YAML names one that isn't there."""
    given = value.get("path")
    if given is None or given == "":
        return path.parent
    if not isinstance(given, str):
        mistakes.add(("path",), f"path: expected a folder, not {given!r}")
        return None
    for base in (path.parent, Path.cwd()):
        if (folder := _resolved(base / given)) is not None and folder.is_dir():
            return folder
    beside = any((path.parent / item).exists() for name in SPLITS if isinstance(item := value.get(name), str))
    advice = "; the images lie beside the YAML: delete this line" if beside else ""
    mistakes.add_missing(("path",), f"path: no such folder: {path.parent / given}{advice}")
    return None


def _split(name: str, value: dict[str | int, Any], root: Path | None, mistakes: YamlMistakes) -> Split | None:
    key = "validation" if name == "val" and value.get("val") is None and value.get("validation") else name
    given = value.get(key)
    items = given if isinstance(given, list) else [given]
    if given is None or given == "" or not items:
        others = [str(other) for other in value if other not in _OWN_KEYS]
        near = difflib.get_close_matches(name, others, n=1)
        advice = f" (is '{near[0]}' meant?)" if near else ""
        mistakes.add(
            (name,) if name in value else (), f"'{name}' is missing: the folder of its images{advice}"
        )
        return None
    files: list[Path] = []
    for index, item in enumerate(items):
        place: KeyPath = (key, index) if isinstance(given, list) else (key,)
        if isinstance(item, str):
            if root is not None:
                files.extend(_files(name, item, root, place, mistakes))
        else:
            mistakes.add(place, f"{key}: expected a folder or a list of images, not {item!r}")
    images = sorted((file for file in files if is_image_name(file)), key=str)
    labels = (label_path(image) for image in images)
    return Split(
        name=name,
        images=tuple(images),
        labels=tuple(label if label.is_file() else None for label in labels),
        source=", ".join(map(str, items)),
        ignored=tuple(sorted(file for file in files if not is_image_name(file) and is_unexpected(file))),
    )


def _files(name: str, item: str, root: Path, place: KeyPath, mistakes: YamlMistakes) -> list[Path]:
    """All files that one folder or image list of a split names."""
    source = _resolved(root / item)
    if (source is None or not source.exists()) and item.startswith("../"):
        # Roboflow writes paths as seen from a folder below; upstream mends them the same way.
        source = _resolved(root / item[3:])
    try:
        if source is None or not source.exists():
            mistakes.add_missing(place, f"{name}: no such folder or list: {root / item}{_near(root / item)}")
        elif source.is_dir():
            return list(files_below(source))
        elif source.is_file() and not is_image_name(source):
            return files_in_list(source, root=root)
        else:
            mistakes.add(place, f"{name}: expected a folder or a .txt list of images: {source}")
    except UnicodeDecodeError:
        mistakes.add(place, f"{name}: the list of images is not UTF-8 text: {source}")
    except OSError as error:
        mistakes.add(place, f"{name}: {error.filename or source}: {error.strerror}")
    return []


def _resolved(path: Path) -> Path | None:
    """Links are followed, as upstream does before it derives label paths; None where the path is impossible."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    near = difflib.get_close_matches(path.name, [child.name for child in path.parent.iterdir()], n=1)
    return f" (near: {path.parent / near[0]})" if near else ""


def _missing_images(
    path: Path, document: YamlDocument, download: str | None, mistakes: YamlMistakes
) -> DataError:
    if download is None:
        return DataError(
            "the data set's images are missing",
            context=mistakes.all_lines(),
            hint=f"correct the paths in {path}, or put the images there",
        )
    first = next((line.strip() for line in download.splitlines() if line.strip()), "")
    return MissingImagesError(
        "the data set's images are missing, and its download script was not run",
        context=[*mistakes.all_lines(), f"{document.place(('download',))}: download: {first}"],
        note="such a script is code of whoever wrote the YAML, and runs with your rights",
        hint=f"put the images there, or if you trust it: yolow finetune --data {shlex.quote(str(path))} --allow-code",
    )
