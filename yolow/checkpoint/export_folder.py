"""Folders of an export: their files, none of which may lie elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from yolow.checkpoint.export_metadata import MAX_METADATA_BYTES, facts_of
from yolow.checkpoint.raw_values import Source
from yolow.config.strict_yaml import parse_yaml
from yolow.errors import ConfigError, WeightsError, WeightsNotFoundError

_MAX_FILES = 10_000


def inside(folder: Path, name: str) -> Path:
    """The file of a folder that a file of the same folder names.

    Raises:
        WeightsError: the name is empty or leads out of the folder, also by a link.
    """
    path = folder / name
    try:
        stays = bool(name) and "\0" not in name and path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        stays = False
    if not stays or Path(name).is_absolute() or ".." in Path(name).parts:
        raise WeightsError("a file of the export leads out of its folder", context=[f"{folder}: {name}"])
    return path


def _files_of(folder: Path) -> list[Path]:
    """All files of an export folder, sorted.

    Raises:
        WeightsNotFoundError: there is no such folder.
        WeightsError: it is not a folder, can't be read, has absurdly many files, or one leads out of it.
    """
    if not folder.exists():
        raise WeightsNotFoundError("the export folder is not there", context=[str(folder)])
    if not folder.is_dir():
        raise WeightsError("the export is not a folder", context=[str(folder)])
    files = []
    for root, folders, names in os.walk(folder, onerror=_refuse):
        for name in [*folders, *names]:
            inside(folder, str((Path(root) / name).relative_to(folder)))
        files += [Path(root) / name for name in names]
        if len(files) > _MAX_FILES:
            raise WeightsError("the export folder has absurdly many files", context=[str(folder)])
    return sorted(files)


def model_files(path: Path, suffix: str) -> tuple[Path, list[Path], Path]:
    """The folder of a model, its files, and the one that describes it, from the path of the folder or of that file.

    Args:
        path: as the user gave it; for a file, what belongs to it is the .bin of its name and metadata.yaml.
        suffix: of the file that describes the model.

    Raises:
        WeightsNotFoundError: there is no such folder.
        WeightsError: there is no such file in it, there are several, or one leads out of the folder.
    """
    if path.suffix != suffix:
        files = _files_of(path)
        return path, files, _only_file(path, files, suffix)
    folder = path.parent
    metadata = inside(folder, "metadata.yaml")
    files = [path, inside(folder, f"{path.stem}.bin"), *([metadata] if metadata.is_file() else [])]
    return folder, files, path


def _only_file(folder: Path, files: list[Path], suffix: str) -> Path:
    """The one file at the top of the folder with this suffix.

    Raises:
        WeightsError: there is none, or there are several.
    """
    found = [file for file in files if file.parent == folder and file.name.endswith(suffix)]
    if len(found) == 1:
        return found[0]
    what = f"no {suffix} file" if not found else f"{len(found)} {suffix} files where one should be"
    raise WeightsError("the export folder is incomplete or mixed", context=[f"{folder}: {what}"])


def folder_facts(folder: Path, files: list[Path]) -> dict[str, Any]:
    """What metadata.yaml tells, and which files of the folder are code (nothing runs them here).

    Raises:
        WeightsError: metadata.yaml is no plain YAML mapping.
    """
    code = [
        str(file.relative_to(folder)) for file in files if file.suffix in (".py", ".so", ".dll", ".dylib")
    ]
    facts: dict[str, Any] = {"code_files": code} if code else {}
    path = folder / "metadata.yaml"
    if path not in files:
        return facts
    source = Source.of(path)
    if source.size_bytes > MAX_METADATA_BYTES:
        raise source.error("the export's metadata are absurdly large", f"{source.size_bytes} bytes")
    try:
        value = parse_yaml(source.read(0, source.size_bytes).decode("utf-8"), source=str(path)).value
    except UnicodeDecodeError:
        raise source.error("the export's metadata are not UTF-8 text") from None
    except ConfigError as error:
        raise WeightsError("the export's metadata are not plain YAML", context=error.context) from None
    if type(value) is not dict:
        raise source.error("the export's metadata are not a mapping")
    return facts_of(value) | facts


def _refuse(error: OSError) -> None:
    raise WeightsError(
        "the export folder can't be read",
        context=[str(error.filename), error.strerror or type(error).__name__],
    ) from error
