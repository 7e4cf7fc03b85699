"""Notes of people on versions. Versions are immutable, so they are kept beside them.

<root>/solar/notes.json      {"3": [{"written": "2026-01-01T12:00:00.000000+00:00", "text": "…"}]}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yolow.errors import StoreError, UsageError
from yolow.store.strict_json import parse_json, read_small_file, read_typed

if TYPE_CHECKING:
    from yolow.store.store import Store
    from yolow.store.version import WeightsVersion

NOTES_FILE = "notes.json"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What somebody wrote about a version, and when (ISO 8601, UTC)."""

    written: str
    text: str


@dataclass(frozen=True, kw_only=True)
class _Notes:
    by_number: dict[int, tuple[Note, ...]]


def read_notes(home: Path) -> dict[int, tuple[Note, ...]]:
    """The notes on the versions of a name by number, oldest first.

    Args:
        home: the folder of the name.

    Raises:
        StoreError: `notes.json` can't be read.
    """
    path = home / NOTES_FILE
    faults: list[str] = []
    try:
        value = parse_json(read_small_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise StoreError("the notes can't be read", context=[f"{path}: {error}"]) from error
    notes = read_typed(_Notes, {"by_number": value}, faults)
    if notes is None:
        places = [fault.removeprefix("by_number").lstrip(":. ") for fault in faults]
        raise StoreError("the notes can't be read", context=[f"{path}: {place}" for place in places])
    return notes.by_number


def add_note(store: Store, version: WeightsVersion, text: str) -> Note:
    """See `Store.add_note`."""
    if not text.strip():
        raise UsageError(
            "the note is empty", hint=f"yolow weights note {version.reference} 'what to remember'"
        )
    from yolow.store.staging import explained, replace_whole, store_lock, sync_folder, timestamp

    home = store.root / version.name
    with explained(store.root, f"the note on {version.reference} can't be kept"), store_lock(store.root):
        store.get(version.name, version.number)  # it may have been removed before the lock was ours
        notes = read_notes(home)
        note = Note(written=timestamp(), text=text.strip().encode("utf-8", "backslashreplace").decode())
        notes[version.number] = (*notes.get(version.number, ()), note)
        document = {str(number): [asdict(one) for one in notes[number]] for number in sorted(notes)}
        replace_whole(home / NOTES_FILE, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
        sync_folder(home)
    return note
