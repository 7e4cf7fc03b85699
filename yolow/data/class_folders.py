"""Classification data: a folder per split, in it a folder per class, in it images."""

from __future__ import annotations

from pathlib import Path

from yolow.data.dataset_types import Dataset, Split, printable, shown
from yolow.data.split_files import files_below, is_image_name, is_unexpected
from yolow.errors import DataError

# Names that the folder of a split goes by; Ultralytics falls back to the test split where there is no other.
_SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "validation", "valid", "test"), "test": ("test",)}


def has_class_folders(folder: Path) -> bool:
    """Whether a folder looks like classification data: `train/` with folders that aren't `images` and `labels`."""
    return bool({child.name for child in _folders(folder / "train")} - {"images", "labels"})


def read_class_folders(folder: Path, splits: tuple[str, ...]) -> Dataset:
    """List the images of each class; classes are the folders in `train/`, in sorted order.

    Raises:
        DataError: all mistakes at once: a missing split, a class that `train/` doesn't have, unreadable folders.
    """
    mistakes: list[str] = []
    notes: list[str] = []
    found: dict[str, Split] = {}
    try:
        names = [child.name for child in _folders(folder / "train")]
        if not names:
            mistakes.append(f"{folder / 'train'}: no folder per class")
        for name in splits:
            place = _split_folder(folder, name)
            if place is None:
                mistakes.append(f"{folder}: no folder for the split '{name}'")
                continue
            if name == "val" and place.name == "test":
                notes.append("there is no val folder: test/ serves as val")
            unknown = [child.name for child in _folders(place) if child.name not in names]
            mistakes.extend(f"{place / other}: train/ has no such class" for other in unknown)
            found[name] = _split(name, place, names)
    except OSError as error:
        mistakes.append(f"{error.filename}: {error.strerror}")
    if mistakes:
        raise DataError(
            "the folder of images by class has mistakes",
            context=[printable(mistake) for mistake in mistakes],
            hint=f"lay it out as {folder.name}/train/CLASS/IMAGE.jpg and {folder.name}/val/CLASS/IMAGE.jpg",
        )
    return Dataset(
        name=folder.name,
        path=folder,
        root=folder,
        kind="classify",
        names=dict(enumerate(names)),
        splits=found,
        notes=tuple(notes),
    )


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    children = (child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir())
    return sorted(children, key=lambda child: child.name)


def _split_folder(folder: Path, name: str) -> Path | None:
    return next((folder / place for place in _SPLIT_FOLDERS[name] if (folder / place).is_dir()), None)


def _split(name: str, place: Path, names: list[str]) -> Split:
    images: list[Path] = []
    class_ids: list[int] = []
    ignored = [child for child in place.iterdir() if child.is_file() and not child.name.startswith(".")]
    for class_id, class_name in enumerate(names):
        if not (place / class_name).is_dir():
            continue
        files = sorted(files_below(place / class_name), key=str)
        inside = [file for file in files if is_image_name(file)]
        images.extend(inside)
        class_ids.extend([class_id] * len(inside))
        ignored.extend(file for file in files if not is_image_name(file))
    return Split(
        name=name,
        images=tuple(images),
        labels=(None,) * len(images),
        class_ids=tuple(class_ids),
        source=shown(place, place.parent),
        ignored=tuple(file for file in ignored if is_unexpected(file)),
    )
