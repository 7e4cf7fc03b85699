"""What a remote holds, which of it a reference names, and how it comes into a store."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from yolow.errors import IntegrityError, StoreError, WeightsNotFoundError
from yolow.progress import Progress
from yolow.store.aliases import ALIASES_FILE, parse_aliases
from yolow.store.install import FinishedVersion, Place, damaged, install_version, write_files
from yolow.store.integrity import record_digest_text
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE, VersionRecord
from yolow.store.reference import LATEST, WeightsRef, is_name, parse_reference
from yolow.store.remote import Remote

_NUMBERED = re.compile(r"v([1-9][0-9]{0,8})")
_REQUESTS_AT_ONCE = 16
_MADE_BY_STORES = frozenset({RECORD_FILE, RECORD_DIGEST_FILE})


def remote_names(remote: Remote) -> list[str]:
    """Names that may have versions there, sorted.

    Raises:
        NetworkError, StoreError: the remote can't be read.
    """
    return [name for name in remote.entries("") if is_name(name)]


def remote_numbers(remote: Remote, name: str) -> list[int]:
    """Numbers of a name's versions there, finished or not, ascending.

    Raises:
        NetworkError, StoreError: the remote can't be read.
    """
    entries = remote.entries(name) if is_name(name) else []
    found = (_NUMBERED.fullmatch(entry) for entry in entries)
    return sorted(int(match.group(1)) for match in found if match)


def remote_digest(remote: Remote, place: Place) -> bytes | None:
    """The content of `record.json.sha256` there; None: there is no such version, or it was never sent whole.

    Raises:
        NetworkError, StoreError: the remote can't be read.
    """
    return remote.read(f"{place[0]}/v{place[1]}/{RECORD_DIGEST_FILE}")


def remote_digests(remote: Remote, places: Sequence[Place]) -> dict[Place, bytes | None]:
    """`remote_digest` of many versions: several are asked for at once, since each is a round trip or two.

    Raises:
        NetworkError, StoreError: the remote can't be read.
    """
    pool = ThreadPoolExecutor(_REQUESTS_AT_ONCE)
    try:
        return dict(zip(places, pool.map(lambda place: remote_digest(remote, place), places), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def read_remote(remote: Remote, place: Place) -> FinishedVersion | None:
    """The record of a version there, compared with its digest; None: see `remote_digest`.

    Raises:
        IntegrityError: the record is not what its digest says, is no record, or is that of another version.
        NetworkError, StoreError: the remote can't be read.
    """
    digest = remote_digest(remote, place)
    if digest is None:
        return None
    record_json = remote.read(f"{place[0]}/v{place[1]}/{RECORD_FILE}")
    if record_json is None:
        raise _damaged(remote, place, RECORD_FILE, expected="a file", found="missing")
    found = record_digest_text(record_json).encode()
    if found != digest:
        expected = ascii(digest[:80].decode("latin-1").strip())[1:-1]
        raise _damaged(remote, place, RECORD_FILE, expected=expected, found=found.decode().strip())
    try:
        record = VersionRecord.from_json(record_json, source=f"{remote.shown}/{place[0]}/v{place[1]}")
    except StoreError as error:
        raise IntegrityError(
            f"the record of {_reference(place)} on the remote can't be read",
            context=error.context,
            note=error.note or (error.message if "newer" in error.message else None),
            hint=error.hint,
        ) from None
    if (record.name, record.number) != place:
        expected, named = f"the record of {_reference(place)}", f"that of {record.name}:v{record.number}"
        raise _damaged(remote, place, RECORD_FILE, expected=expected, found=named)
    if impossible := _impossible_path(record):
        raise _damaged(remote, place, impossible, expected="not among the record's files", found="listed")
    return FinishedVersion(record=record, record_json=record_json)


def _impossible_path(record: VersionRecord) -> str | None:
    """A listed path that no version can have: the record's own, or one inside what is listed as a file."""
    taken = {entry.path for entry in record.files} | _MADE_BY_STORES
    for entry in record.files:
        above = {str(parent) for parent in PurePosixPath(entry.path).parents}
        if entry.path in _MADE_BY_STORES or above & taken:
            return entry.path
    return None


def _damaged(remote: Remote, place: Place, path: str, *, expected: str, found: str) -> IntegrityError:
    return damaged(_reference(place), path, expected=expected, found=found, remedy=_remedy(remote, place))


def _remedy(remote: Remote, place: Place) -> str:
    """What is there already is not sent again, so what is damaged has to go first."""
    name, number = place
    return (
        f"remove {name}/v{number} from the remote, then send it again from a store that has it whole: "
        f"yolow weights push {shlex.quote(remote.shown)} {name}:v{number}"
    )


def select_remote(remote: Remote, reference: str) -> Place:
    """The version there that a reference names: `solar`, `solar:v3`, `solar:production` or `sha256:…`.

    Raises:
        WeightsNotFoundError: it names none.
        IntegrityError, NetworkError, StoreError: see `read_remote`.
    """
    ref = parse_reference(reference)
    if ref.kind == "digest":
        return _by_digest(remote, ref)
    if ref.name is None:
        raise WeightsNotFoundError(
            f"'{reference}' is not a reference to a version",
            context=[f"remote: {remote.shown}"],
            hint="write NAME, NAME:v3, NAME:ALIAS or sha256:DIGEST",
        )
    number = ref.number
    if ref.kind == "name" or ref.alias == LATEST:
        highest_first = reversed(remote_numbers(remote, ref.name))
        number = next((one for one in highest_first if remote_digest(remote, (ref.name, one))), None)
    elif ref.alias is not None:
        number = remote_aliases(remote, ref.name).get(ref.alias)
    if number is None or (ref.kind != "name" and remote_digest(remote, (ref.name, number)) is None):
        raise _not_there(remote, ref)
    return ref.name, number


def remote_aliases(remote: Remote, name: str) -> dict[str, int]:
    """The aliases of a name there, each with its version's number.

    Raises:
        NetworkError, StoreError: the remote or its `aliases.json` can't be read.
    """
    path = f"{name}/{ALIASES_FILE}"
    text = remote.read(path)
    states = {} if text is None else parse_aliases(text, source=f"{remote.shown}/{path}")
    return {alias: state.number for alias, state in states.items() if state.number is not None}


def pull_version(
    root: Path,
    remote: Remote,
    finished: FinishedVersion,
    check: Callable[[Path, VersionRecord], None],
    progress: Progress,
) -> None:
    """Bring a version into the store: fetched aside, compared byte for byte, checked, and put in place in one step.

    Args:
        root: of the store.
        remote: where from.
        finished: what `read_remote` gave.
        check: gets the folder with all files and the record, before the version is in the store; raises to refuse it.
        progress: advances in bytes.

    Raises:
        IntegrityError: a file is not what the record says.
        ConflictError: the number is taken in the store.
        StoreError, NetworkError: the store can't be written, or the remote can't be read.
    """

    def fill(staging: Path) -> None:
        write_files(
            staging,
            finished,
            lambda path: remote.chunks(f"{finished.place}/{path}"),
            progress,
            remedy=_remedy(remote, (finished.record.name, finished.record.number)),
        )
        check(staging, finished.record)

    install_version(root, finished, fill)


def _by_digest(remote: Remote, ref: WeightsRef) -> Place:
    """Every record there is read, since a bucket has no index; damaged ones must not hide the others."""
    assert ref.digest is not None
    found: dict[str, Place] = {}
    unreadable = []
    for name in remote_names(remote):
        for number in remote_numbers(remote, name):
            try:
                finished = read_remote(remote, (name, number))
            except IntegrityError:
                unreadable.append(_reference((name, number)))
                continue
            if finished is not None and finished.record.sha256.startswith(ref.digest):
                found.setdefault(finished.record.sha256, (name, number))
    if len(found) > 1:
        context = [f"{_reference(place)}: {digest}" for digest, place in found.items()]
        raise WeightsNotFoundError(f"{ref.text} is ambiguous", context=context, hint="write more digits")
    if not found:
        raise _not_there(remote, ref, unreadable)
    return next(iter(found.values()))


def _not_there(remote: Remote, ref: WeightsRef, unreadable: Sequence[str] = ()) -> WeightsNotFoundError:
    context = [f"remote: {remote.shown}", *(f"{one} is damaged there" for one in unreadable)]
    if ref.name is not None:
        numbers = remote_numbers(remote, ref.name)
        if numbers:
            shown = ", ".join(f"v{number}" for number in numbers[-10:])
            context.append(f"versions of {ref.name} there: {shown}")
        else:
            names = remote_names(remote)
            context.append(f"names there: {', '.join(names[:20]) or 'none'}")
            context += [f"did you mean {near}?" for near in difflib.get_close_matches(ref.name, names, n=3)]
        if ref.number in numbers:
            return WeightsNotFoundError(
                f"{ref.text} was never sent whole",
                context=context,
                note="a push was interrupted; the same command goes on with it",
                hint="push it again from where it was made: "
                f"yolow weights push {shlex.quote(remote.shown)} {ref.text}",
            )
    return WeightsNotFoundError(f"the remote has no {ref.text}", context=context)


def _reference(place: Place) -> str:
    return f"{place[0]}:v{place[1]}"
