"""The version that a reference names, for commands that manage versions."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from yolow.errors import WeightsNotFoundError
from yolow.recipes.session import Session
from yolow.store.reference import suggested_name
from yolow.store.resolve import find_version
from yolow.store.store import WeightsVersion


def version_of(reference: str, session: Session) -> WeightsVersion:
    """Find a version; its files are not compared with their digests.

    Raises:
        WeightsNotFoundError: there is none of this reference, or it names weights outside the store.
        UsageError: it names both a version and a file.
        StoreError: the store or the version's record can't be read.
    """
    version = find_version(reference, store=session.store)
    if version is None:
        name = suggested_name(PurePath(reference).stem)
        raise WeightsNotFoundError(
            f"'{reference}' is not a version of the store",
            context=[f"store: {session.store.root}"],
            hint=f"yolow weights import {shlex.quote(reference)} --name {name}",
        )
    return version
