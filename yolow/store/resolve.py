"""From a reference to weights on this machine, found and checked."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yolow.errors import ConfigError, StoreError, UsageError, WeightsError, WeightsNotFoundError
from yolow.progress import Progress
from yolow.store.digest import sha256_file, sha256_folder
from yolow.store.official import is_official, locate_official
from yolow.store.reference import WeightsRef, is_export_folder_name, parse_reference
from yolow.store.store import Store, WeightsVersion

CACHE_VARIABLE = "YOLOW_CACHE"

# For suggestions only.
_COMMON_OFFICIAL = tuple(
    f"yolo{family}{scale}{task}.pt"
    for family in ("26", "11", "v8")
    for scale in "nsmlx"
    for task in ("", "-seg", "-cls", "-pose", "-obb")
)


@dataclass(frozen=True, kw_only=True)
class ResolvedWeights:
    """Weights that exist and whose digest is known.

    Attributes:
        path: absolute; a file or an export folder.
        reference: names the same weights again: `solar:v3` (also where an alias was given), `yolo26n.pt`, or the
            absolute path.
        sha256: of the file, or of the folder's listing (`sha256_folder`).
        version: where the weights are a version of the store.
        origin: where they were found; see also `OfficialFile.origin`.
        notes: what a person should know about them, one sentence each.
    """

    path: Path
    reference: str
    sha256: str
    version: WeightsVersion | None
    origin: Literal["store", "path", "weights-dir", "cache", "download"]
    notes: tuple[str, ...] = ()


def default_cache_dir() -> Path:
    """`$YOLOW_CACHE`, else `yolow` in `$XDG_CACHE_HOME` (where that is absolute), else `~/.cache/yolow`.

    Raises:
        ConfigError: nothing says where home is.
    """
    own = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if own:
            return Path(own).expanduser().absolute()
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "yolow"
    except RuntimeError:
        raise ConfigError(
            "there is no home folder to keep a cache in", hint=f"export {CACHE_VARIABLE}=/tmp/yolow-cache"
        ) from None


def resolve_weights(
    text: str, *, store: Store, offline: bool, cache_dir: Path, progress: Progress, cwd: Path | None = None
) -> ResolvedWeights:
    """Find the weights that a reference names. Versions of the store are checked against their digests.

    Versions and paths come first, then official names (`$YOLOW_WEIGHTS_DIR`, the cache, the download).

    Args:
        text: the reference, as the user wrote it.
        offline: forbid the download of official weights.
        cache_dir: yolow's cache.
        progress: shows a download.
        cwd: where relative paths start; None: the working folder.

    Raises:
        WeightsNotFoundError: it names nothing; near names are suggested.
        UsageError: it names both a version and a file.
        IntegrityError: a version is not what its record says.
        WeightsError: the weights can't be read.
        StoreError: the store can't be read.
        NetworkError: official weights must be downloaded and can't be.
    """
    ref = parse_reference(text)
    path = _absolute(text, cwd or Path.cwd())
    version = _find_version(ref, store, path)
    if version is not None:
        store.check(version)
        return ResolvedWeights(
            path=version.weights_path,
            reference=version.reference,
            sha256=version.record.sha256,
            version=version,
            origin="store",
        )
    if _looks_like_weights(path):
        return _from_path(path)
    if ref.kind == "official":
        official = locate_official(text, offline=offline, cache_dir=cache_dir, progress=progress)
        return ResolvedWeights(
            path=official.path,
            reference=text,
            sha256=official.sha256,
            version=None,
            origin=official.origin,
            notes=(official.note,) if official.note else (),
        )
    raise _not_found(ref, path, store)


def find_version(text: str, *, store: Store, cwd: Path | None = None) -> WeightsVersion | None:
    """The version that a reference names, not compared with its digests; None for weights outside the store.

    Args:
        text: the reference, as the user wrote it.
        cwd: where relative paths start; None: the working folder.

    Raises:
        WeightsNotFoundError: it names nothing; near names are suggested.
        UsageError: it names both a version and a file.
        StoreError: the store or the version's record can't be read.
    """
    ref = parse_reference(text)
    path = _absolute(text, cwd or Path.cwd())
    version = _find_version(ref, store, path)
    if version is None and ref.kind != "official" and not _looks_like_weights(path):
        raise _not_found(ref, path, store)
    return version


def _absolute(text: str, cwd: Path) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # `~nobody/…`
        path = Path(text)
    return Path(os.path.abspath(cwd / path))  # noqa: PTH100  # takes `..` out, but keeps links as the user knows them


def _find_version(ref: WeightsRef, store: Store, path: Path) -> WeightsVersion | None:
    """The version that a reference names, or None where it can only be a path or an official name."""
    if ref.kind == "version":
        assert ref.name is not None
        assert ref.number is not None
        return store.get(ref.name, ref.number)
    if ref.kind == "alias":
        assert ref.name is not None
        assert ref.alias is not None
        return store.get(ref.name, store.alias(ref.name, ref.alias))
    if ref.kind == "digest":
        assert ref.digest is not None
        return store.find_digest(ref.digest)
    if ref.kind == "name":
        return _latest_unless_file(ref, store, path)
    return _version_around(path, store)


def _latest_unless_file(ref: WeightsRef, store: Store, path: Path) -> WeightsVersion | None:
    assert ref.name is not None
    if not store.numbers(ref.name):
        return None
    if _looks_like_weights(path):
        raise UsageError(
            f"'{ref.text}' is both a version's name and a file",
            context=[f"versions: {store.root / ref.name}", f"file: {path}"],
            hint=f"write ./{ref.text} for the file, or {ref.text}:latest for the version",
        )
    return store.latest(ref.name)


def _version_around(path: Path, store: Store) -> WeightsVersion | None:
    """The version in whose folder a path lies, with links followed."""
    try:
        parts = path.resolve().relative_to(store.root.resolve()).parts
    except (ValueError, OSError, RuntimeError):
        return None
    if len(parts) < 2:
        return None
    number = {f"v{number}": number for number in store.numbers(parts[0])}.get(parts[1])
    if number is None or not path.exists():
        return None
    version = store.get(parts[0], number)
    if len(parts) > 2 and parts[2] != version.record.weights:
        raise WeightsNotFoundError(
            f"the path is part of {version.reference}, but not its weights",
            context=[f"path: {path}", f"weights: {version.weights_path}"],
            hint=f"write {version.reference}",
        )
    return version


def _looks_like_weights(path: Path) -> bool:
    try:
        return path.is_file() or (is_export_folder_name(path.name) and path.is_dir())
    except OSError:  # no permission to look
        return False


def _from_path(path: Path) -> ResolvedWeights:
    try:
        sha256 = sha256_folder(path) if path.is_dir() else sha256_file(path)
    except OSError as error:
        raise WeightsError(
            "the weights can't be read", context=[f"{error.filename or path}: {error.strerror}"]
        ) from error
    return ResolvedWeights(path=path, reference=str(path), sha256=sha256, version=None, origin="path")


def _not_found(ref: WeightsRef, path: Path, store: Store) -> WeightsNotFoundError:
    context = [f"store: {store.root}"]
    if ref.kind == "digest":
        return WeightsNotFoundError(
            f"no version has weights with {ref.text}", context=context, hint="yolow weights list"
        )
    context.append(f"path: {path} ({_state_of(path)})")
    context += [f"did you mean {near}?" for near in _near(ref.text, path, store)]
    return WeightsNotFoundError(
        f"there are no weights '{ref.text}'", context=context, hint="yolow weights list"
    )


def _state_of(path: Path) -> str:
    try:
        path.stat()
    except PermissionError:
        return "no permission to look there"
    except OSError:
        return "does not exist"
    return "a folder that is no export" if path.is_dir() else "not a regular file"


def _near(text: str, path: Path, store: Store) -> list[str]:
    """What the user may have meant: names of versions, files beside the path, official names."""
    import difflib  # needed for suggestions only

    if is_official(f"{text}.pt"):
        return [f"{text}.pt"]
    candidates: dict[str, str] = {}
    with suppress(OSError, StoreError):  # suggestions are only a help
        candidates |= {file.name: str(file) for file in path.parent.iterdir() if _looks_like_weights(file)}
        candidates |= {name: name for name in store.names()}
    candidates |= {name: name for name in _COMMON_OFFICIAL}
    return [candidates[near] for near in difflib.get_close_matches(path.name, candidates, n=3)]
