"""`yolow weights export-card`: a model card in Markdown, from the record alone."""

from __future__ import annotations

from pathlib import Path

from yolow.errors import ConfigError
from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.report.card import render_card
from yolow.run_report import Artifact, RunReport


def export_card(reference: str, session: Session, *, out: Path | None = None) -> RunReport:
    """Describe a version as model hubs read it. The files are verified first, so that the card's digest is true.

    Args:
        reference: which version.
        out: the file to write; None: the report only holds the text.

    Raises:
        WeightsNotFoundError, IntegrityError, StoreError: there is no such intact version.
        ConfigError: the file can't be written, or lies in the store.
    """
    version = version_of(reference, session)
    session.store.check(version)
    text = render_card(
        version.record,
        lineage=session.store.lineage(version),
        aliases=session.store.aliases_of(version),
        notes=[note.text for note in session.store.notes(version)],
    )
    if out is not None:
        _write(out, text, session)
    return RunReport(
        command="weights export-card",
        version=version.reference,
        path=str(version.weights_path),
        task=version.record.task,
        artifacts=(Artifact(kind="card", path=str(out.absolute())),) if out is not None else (),
        details={"card": text},
    )


def _write(out: Path, text: str, session: Session) -> None:
    if out.resolve().is_relative_to(session.store.root.resolve()):
        raise ConfigError(
            "a card can't lie in the store",
            context=[str(out.absolute()), f"store: {session.store.root}"],
            note="versions are immutable, and a file more would be found by verify",
            hint="choose a file elsewhere: --out CARD.md",
        )
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            "the card can't be written",
            context=[f"{out}: {error.strerror}"],
            hint="choose another file: --out CARD.md",
        ) from error
