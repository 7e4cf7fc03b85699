"""`yolow weights note`: write down what a person knows about a version."""

from __future__ import annotations

from dataclasses import asdict

from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.run_report import RunReport


def note(reference: str, text: str, session: Session) -> RunReport:
    """Add a note to a version; the version itself stays as it is.

    Raises:
        UsageError: the text is empty.
        WeightsNotFoundError: there is no such version.
        StoreError: the store can't be read or written.
    """
    version = version_of(reference, session)
    written = session.store.add_note(version, text)
    return RunReport(
        command="weights note",
        version=version.reference,
        path=str(version.weights_path),
        task=version.record.task,
        details={
            "note": asdict(written),
            "notes": [asdict(one) for one in session.store.notes(version)],
        },
    )
