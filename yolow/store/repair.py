"""Rebuild what can be derived from the rest of a version, and nothing else.

- The digest beside a record, where that digest is what was damaged and every file agrees with the record. Where the
  record may be what was changed, nothing is rebuilt: a new digest would only hide it.
- The note of the highest number ever taken, from the versions and tombstones.
- A tombstone beside a whole version, left by a removal that was killed, goes.
- Write permission on files of the version is taken away again.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from yolow.store.integrity import is_damaged_digest, record_digest_text, version_differences
from yolow.store.publish import LAST_NUMBER_FILE, next_number
from yolow.store.record import RECORD_DIGEST_FILE, RECORD_FILE
from yolow.store.removal import tombstone_path
from yolow.store.staging import explained, replace_whole, seal, store_lock, sync_folder, write_sealed
from yolow.store.strict_json import read_small_file
from yolow.store.version import WeightsVersion

if TYPE_CHECKING:
    from yolow.store.store import Store


def repair_version(store: Store, version: WeightsVersion) -> list[str]:
    """See `Store.repair`."""
    with explained(store.root, f"{version.reference} can't be repaired"), store_lock(store.root):
        version = store.get(version.name, version.number)
        done = [
            *_rebuild_digest(version),
            *_rebuild_last_number(version.folder.parent),
            *_drop_stale_tombstone(version),
            *_take_write_permission(version),
        ]
        sync_folder(version.folder)
        sync_folder(version.folder.parent)
    return done


def _rebuild_digest(version: WeightsVersion) -> list[str]:
    differences = version_differences(version.folder, version.record)
    path = version.folder / RECORD_DIGEST_FILE
    if {difference.path for difference in differences} != {RECORD_DIGEST_FILE} or path.is_dir():
        return []
    right = record_digest_text(read_small_file(version.folder / RECORD_FILE)).encode()
    if path.is_file() and not is_damaged_digest(read_small_file(path), right):
        return []
    # Outside the version, where a kill leaves nothing that the record doesn't name.
    new = version.folder.parent / f".v{version.number}.{RECORD_DIGEST_FILE}.new"
    new.unlink(missing_ok=True)
    write_sealed(new, right)
    new.replace(path)
    return [f"{RECORD_DIGEST_FILE}: written again; every file agrees with the record"]


def _rebuild_last_number(home: Path) -> list[str]:
    path, highest = home / LAST_NUMBER_FILE, next_number(home) - 1
    right = f"{highest}\n".encode()
    if path.is_file() and read_small_file(path) == right:
        return []
    replace_whole(path, right)
    return [f"{LAST_NUMBER_FILE}: {highest}, by what is there"]


def _drop_stale_tombstone(version: WeightsVersion) -> list[str]:
    path = tombstone_path(version.folder.parent, version.number)
    if not path.is_file():
        return []
    path.unlink()
    return [f"{path.name}: taken away; the version is there"]


def _take_write_permission(version: WeightsVersion) -> list[str]:
    done = []
    for name in (*(entry.path for entry in version.record.files), RECORD_FILE, RECORD_DIGEST_FILE):
        path = version.folder / name
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISREG(mode) and mode & 0o222:
            seal(path)
            done.append(f"{name}: made read-only again")
    return done
