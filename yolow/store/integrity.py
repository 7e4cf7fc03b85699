"""Compare a version on disk with its record, byte by byte."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from yolow.errors import IntegrityError
from yolow.store.digest import sha256_bytes, sha256_file
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE, FileEntry, VersionRecord
from yolow.store.strict_json import read_small_file

_DIGEST_LINE = re.compile(rb"([0-9a-f]{64})  record\.json\n")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as the record says.

    Attributes:
        path: relative to the version's folder.
        expected, found: digest, size or a word such as `missing`.
    """

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


def record_digest_text(record_json: bytes) -> str:
    """The text of `record.json.sha256`; `sha256sum --check` reads it."""
    return f"{sha256_bytes(record_json)}  {RECORD_FILE}\n"


def verify_version(folder: Path, record: VersionRecord) -> list[str]:
    """The lines of `version_differences`."""
    return [str(difference) for difference in version_differences(folder, record)]


def version_differences(folder: Path, record: VersionRecord) -> list[Difference]:
    """Everything in which the folder differs from the record: each byte, each file too many or missing.

    The record itself is compared with the digest beside it, and its name and number with the folder's.
    """
    differences = [*_record_differences(folder), *_inner_differences(folder, "", record.files)]
    place = f"{folder.parent.name}/{folder.name}"
    named = f"{record.name}/v{record.number}"
    if place != named:
        differences.append(Difference(path=RECORD_FILE, expected=f"the record of {place}", found=named))
    return differences


def check_version(folder: Path, record: VersionRecord) -> None:
    """Check a version before its weights are loaded: the record against its digest, each file against the record.

    All files count, though a load reads the weights alone: a version of which a part was changed is not that version
    any more. A file too many is refused only inside an export folder, where something might load it.

    Raises:
        IntegrityError: something differs; each file is named with the expected and the found digest.
    """
    differences = [*_record_differences(folder)]
    weights = [entry for entry in record.files if PurePosixPath(entry.path).parts[0] == record.weights]
    others = [entry for entry in record.files if entry not in weights]
    if weights[0].path == record.weights:
        others.insert(0, weights[0])
    else:
        differences += _inner_differences(folder, record.weights, tuple(weights))
    for entry in others:
        differences += _entry_differences(folder, entry)
    if differences:
        context = [f"version: {record.name}:v{record.number} in {folder}"]
        for difference in differences:
            path = folder / difference.path
            context += [f"file: {path}", f"expected: {difference.expected}", f"found: {difference.found}"]
        raise IntegrityError(
            f"{record.name}:v{record.number} is not what its record says",
            context=context,
            note="the files were changed or damaged after the version was made",
            hint="bring the version back from a copy, or use another one: yolow weights list",
        )


def _record_differences(folder: Path) -> Iterator[Difference]:
    if (kind := _kind(folder)) != "folder":
        yield Difference(path=".", expected="a folder", found=kind)
        return
    for name in (RECORD_FILE, RECORD_DIGEST_FILE):
        kind = _kind(folder / name)
        if kind != "file":
            yield Difference(path=name, expected="a file", found=kind)
            return
    try:
        digest_line = read_small_file(folder / RECORD_DIGEST_FILE)
        right_line = record_digest_text(read_small_file(folder / RECORD_FILE)).encode()
    except OSError as error:
        yield Difference(path=RECORD_FILE, expected="a readable file", found=error.strerror or str(error))
        return
    if digest_line == right_line:
        return
    expected, found = _shown(digest_line), _shown(right_line)
    if is_damaged_digest(digest_line, right_line):
        yield Difference(path=RECORD_DIGEST_FILE, expected=f"{found} (of {RECORD_FILE})", found=expected)
    else:
        yield Difference(path=RECORD_FILE, expected=f"{expected} (in {RECORD_DIGEST_FILE})", found=found)


def is_damaged_digest(digest_line: bytes, right_line: bytes) -> bool:
    """Whether the digest beside a record was damaged, not the record.

    The digest of a changed record has nothing in common with that of the record: by chance four of its 64 digits are
    equal. So a line that is no digest, or one with most digits right, is itself what was changed.
    """
    if _DIGEST_LINE.fullmatch(digest_line) is None:
        return True
    return sum(a == b for a, b in zip(digest_line, right_line, strict=True)) >= len(right_line) - 32


def record_is_damaged(folder: Path) -> bool:
    """Whether the record of a version differs from its digest, as far as both can be read."""
    try:
        record, digest_line = (read_small_file(folder / name) for name in (RECORD_FILE, RECORD_DIGEST_FILE))
    except OSError:
        return False
    return record_digest_text(record).encode() != digest_line


def _shown(digest_line: bytes) -> str:
    match = _DIGEST_LINE.fullmatch(digest_line)
    return f"sha256 {match.group(1).decode()}" if match else "no digest"


def _inner_differences(folder: Path, below: str, entries: tuple[FileEntry, ...]) -> Iterator[Difference]:
    """Differences of everything below one inner folder (`""`: the version itself)."""
    expected = {entry.path: entry for entry in entries}
    folders = {str(parent) for path in expected for parent in PurePosixPath(path).parents}
    found = dict(_walk(folder, below))
    for path, kind in sorted(found.items()):
        if path in expected:
            yield from _entry_differences(folder, expected[path])
        elif kind == "folder" and path in folders:
            continue
        elif path not in {RECORD_FILE, RECORD_DIGEST_FILE}:
            yield Difference(path=path, expected="nothing", found=kind)
    for path in sorted(expected.keys() - found.keys()):
        yield Difference(path=path, expected="a file", found="missing")


def _entry_differences(folder: Path, entry: FileEntry) -> Iterator[Difference]:
    path = folder / entry.path
    kind = _kind(path)
    if kind != "file":
        yield Difference(path=entry.path, expected="a file", found=kind)
        return
    try:
        size_bytes, sha256 = path.stat().st_size, sha256_file(path)
    except OSError as error:
        yield Difference(path=entry.path, expected="a readable file", found=error.strerror or str(error))
        return
    if (size_bytes, sha256) != (entry.size_bytes, entry.sha256):
        yield Difference(
            path=entry.path,
            expected=f"sha256 {entry.sha256} ({entry.size_bytes} bytes)",
            found=f"sha256 {sha256} ({size_bytes} bytes)",
        )


def _walk(folder: Path, below: str) -> Iterator[tuple[str, str]]:
    """(path relative to `folder`, kind) of everything below; links are named, never followed."""
    top = folder / below
    if (kind := _kind(top)) != "folder":
        yield below or ".", kind
        return
    try:
        names = sorted(path.name for path in top.iterdir())
    except OSError as error:
        yield below or ".", f"a folder that can't be read ({error.strerror})"
        return
    for name in names:
        path = f"{below}/{name}" if below else name
        kind = _kind(folder / path)
        yield path, kind
        if kind == "folder":
            yield from _walk(folder, path)


def _kind(path: Path) -> str:
    """`file`, `folder`, `symbolic link`, `special file` or `missing`, without following links or opening anything."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return error.strerror or str(error)
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "symbolic link" if stat.S_ISLNK(mode) else "special file"
