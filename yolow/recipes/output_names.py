"""How `predict` names what it writes: one name an input, none twice, and never an input itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from yolow.data.sources import Source, is_url
from yolow.errors import ConfigError

_ENCODABLE = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_KEPT_PARTS = 3
_LISTED_CONFLICTS = 5


def plan_outputs(sources: list[Source], out: Path, *, pictures: bool) -> list[Path]:
    """The path of each source's annotated copy, in the order of the sources.

    A copy keeps the source's own relative name, numbered where two would share a name without the suffix, since
    label texts differ from pictures in the suffix alone.

    Args:
        sources: all inputs.
        out: the output folder, absolute.
        pictures: whether copies will be written; the paths name label texts too.

    Raises:
        ConfigError: a copy would overwrite an input, its own or another one.
    """
    inputs = {source.path.resolve() for source in sources} if pictures else set()
    taken: set[Path] = set()
    numbers: Counter[Path] = Counter()
    targets = []
    for source in sources:
        plain = unique = _relative_name(source)
        while unique.with_suffix("") in taken:
            numbers[plain] += 1
            unique = plain.with_stem(f"{plain.stem}-{numbers[plain] + 1}")
        taken.add(unique.with_suffix(""))
        targets.append(out / unique)
    if conflicts := [str(target) for target in targets if target.resolve() in inputs]:
        more = len(conflicts) - _LISTED_CONFLICTS
        raise ConfigError(
            "an annotated copy would overwrite an input",
            context=[*conflicts[:_LISTED_CONFLICTS], *([f"... and {more} more"] if more > 0 else [])],
            hint="choose another folder with --out",
        )
    return targets


def _relative_name(source: Source) -> Path:
    text = source.name.partition("?")[0] if is_url(source.name) else source.name
    name = PurePosixPath(text.replace("\\", "/"))
    parts = [part for part in name.parts if part not in {"..", ".", "/"} and ":" not in part]
    if name.is_absolute() or is_url(source.name) or not parts:
        parts = [name.name]
    relative = Path(*parts[-_KEPT_PARTS:])
    if source.kind == "video":
        return relative.with_suffix(".mp4")
    return relative if relative.suffix.lower() in _ENCODABLE else relative.with_suffix(".jpg")


def make_output_folder(out: Path) -> None:
    """Make the folder that a command writes to.

    Raises:
        ConfigError: it can't be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "the output folder can't be made",
            context=[f"{out}: {error.strerror}"],
            hint="choose another folder with --out",
        ) from error
