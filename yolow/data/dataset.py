"""Find a data set by what the user typed, and list its files."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator
from pathlib import Path

from yolow.data.class_folders import has_class_folders, read_class_folders
from yolow.data.dataset_types import Dataset, Split
from yolow.data.dataset_yaml import read_dataset_yaml
from yolow.errors import DataError

__all__ = ["Dataset", "Split", "find_dataset", "load_dataset"]

_YAML_SUFFIXES = (".yaml", ".yml")
_ARCHIVE_SUFFIXES = frozenset({".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".txz", ".tbz2", ".7z", ".rar"})
# Besides the working folder, a bare name is looked for here.
_CONFIG_FOLDER = Path("configs") / "data"


def find_dataset(text: str, *, cwd: Path | None = None) -> Path:
    """The YAML file, or the folder of class folders, that `--data TEXT` means. Nothing is ever fetched.

    Args:
        text: a YAML file, a folder that holds one, a folder of class folders (`train/cat/…`), or a bare name:
            `solar` and `solar.yaml` are looked for in the working folder, then in `configs/data/`.
        cwd: the working folder.

    Returns:
        An absolute path.

    Raises:
        DataError: nothing is there (the nearest names are given), or it is no data set that yolow reads.
    """
    cwd = cwd or Path.cwd()
    _refuse_other_kinds(text)
    empty: Path | None = None
    try:
        for candidate in _candidates(text, cwd):
            if candidate.is_file():
                return _require_yaml(candidate)
            if candidate.is_dir():
                if (found := _inside(candidate.resolve())) is not None:
                    return found
                empty = empty or candidate
    except (OSError, RuntimeError) as error:
        raise DataError("the data set can't be looked at", context=[f"{text}: {error}"]) from None
    if empty is not None:
        raise DataError(
            "the folder is no data set",
            context=[f"{empty}: holds neither a YAML file nor train/ with one folder per class"],
            hint="give the data set's YAML file: --data PATH/data.yaml",
        )
    raise _missing(text, cwd)


def load_dataset(path: Path, *, splits: tuple[str, ...] = ("train", "val")) -> Dataset:
    """Read a data-set YAML or a folder of class folders and list the files of the splits.

    Args:
        path: what `find_dataset` returns.
        splits: which of `train`, `val` and `test` are needed; the others may be absent.

    Raises:
        DataError: all mistakes at once, those of a YAML as `file:line:column: …`; or images are missing and the
            YAML has a `download:` script, which is not run.
    """
    try:
        return read_class_folders(path, splits) if path.is_dir() else read_dataset_yaml(path, splits)
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror}"
        raise DataError(
            "the data set can't be read", context=[what], hint=f"ls -l {shlex.quote(str(path))}"
        ) from None


def _refuse_other_kinds(text: str) -> None:
    suffix = Path(text).suffix.lower()
    if not text.strip():
        raise DataError("no data set is named", hint="yolow finetune --data solar.yaml")
    if "://" in text:
        raise DataError(
            "data sets are not fetched from the network",
            context=[text],
            hint="download and unpack it, then give the YAML file: --data PATH/data.yaml",
        )
    if suffix in _ARCHIVE_SUFFIXES or suffix == ".ndjson":
        raise DataError(
            f"a data set in a {suffix} file can't be read",
            context=[text],
            hint="unpack it, or convert it to the YOLO layout, then give the YAML file: --data PATH/data.yaml",
        )
    if text.lstrip().startswith("[") or any(part.endswith(_YAML_SUFFIXES) for part in text.split(",")[:-1]):
        raise DataError(
            "only one data set can be given",
            context=[text],
            hint="name all folders in one YAML: `train: [first/images, second/images]`",
        )


def _candidates(text: str, cwd: Path) -> Iterator[Path]:
    path = Path(text).expanduser()
    names = (
        [path]
        if path.suffix.lower() in _YAML_SUFFIXES
        else [path, *(Path(f"{path}{s}") for s in _YAML_SUFFIXES)]
    )
    yield from (cwd / name for name in names)
    if path.name == text:
        yield from (cwd / _CONFIG_FOLDER / name for name in names)


def _require_yaml(file: Path) -> Path:
    if file.suffix.lower() not in _YAML_SUFFIXES:
        raise DataError(
            "a data set is a YAML file or a folder",
            context=[f"{file}: neither"],
            hint="give the data set's YAML file: --data PATH/data.yaml",
        )
    # The folder is resolved, the name is not: paths in a linked YAML start from where the link lies.
    return file.parent.resolve() / file.name


def _inside(folder: Path) -> Path | None:
    """The one data set in a folder, or None."""
    files = [file for file in _yaml_files(folder) if not file.name.startswith(".")]
    for stem in ("data", folder.name):
        if (match := next((file for file in files if file.stem == stem), None)) is not None:
            return match
    if len(files) > 1:
        raise DataError(
            "the folder holds several YAML files",
            context=[str(file) for file in files],
            hint=f"name one: --data {shlex.quote(str(files[0]))}",
        )
    if files:
        return files[0]
    return folder if has_class_folders(folder) else None


def _yaml_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        file for file in folder.iterdir() if file.suffix.lower() in _YAML_SUFFIXES and file.is_file()
    )


def _missing(text: str, cwd: Path) -> DataError:
    parent = (cwd / text).parent
    places = [cwd, cwd / _CONFIG_FOLDER] if Path(text).name == text else [parent]
    by_name = {file.stem: file for place in reversed(places) for file in _yaml_files(place)}
    near = [str(by_name[name]) for name in difflib.get_close_matches(Path(text).stem, by_name, n=3)]
    return DataError(
        "no such data set",
        context=[text, *(f"looked in: {place}" for place in places)],
        note=f"near: {', '.join(near)}" if near else None,
        hint=f"yolow finetune --data {shlex.quote(near[0]) if near else 'PATH/data.yaml'}",
    )
