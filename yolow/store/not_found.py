"""What to say when a store has no such version or alias: what there is instead, and what may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from yolow.errors import WeightsNotFoundError
from yolow.store.reference import LATEST
from yolow.store.rows import names_in

LIST_HINT = "yolow weights list"


def unknown_name(root: Path, text: str, name: str) -> WeightsNotFoundError:
    """No version has this name.

    Args:
        root: the store.
        text: what was looked for, such as `solar:v3`.
        name: its name.
    """
    names = names_in(root)
    held = f"names in the store: {', '.join(names[:20])}" if names else "the store has no versions"
    context = [f"store: {root}", held, *(f"did you mean {one}?" for one in _near(name, names, most=3))]
    return WeightsNotFoundError(f"there is no version {text}", context=context, hint=LIST_HINT)


def unknown_number(root: Path, name: str, number: int, numbers: Sequence[int]) -> WeightsNotFoundError:
    """The name has no version of this number."""
    recent = ", ".join(f"v{one}" for one in numbers[-10:])
    return WeightsNotFoundError(
        f"there is no version {name}:v{number}",
        context=[f"store: {root}", f"versions of {name}: {recent}"],
        hint=f"{LIST_HINT} --name {name}",
    )


def unknown_alias(root: Path, name: str, alias: str, aliases: Collection[str]) -> WeightsNotFoundError:
    """The name has no such alias."""
    known = sorted({LATEST, *aliases})
    return WeightsNotFoundError(
        f"{name} has no alias '{alias}'",
        context=[
            f"store: {root}",
            f"aliases of {name}: {', '.join(known)}",
            *(f"did you mean {name}:{text}?" for text in _near(alias, known, most=1)),
        ],
        hint=f"{LIST_HINT} --name {name}",
    )


def removed_version(root: Path, reference: str, *, removed: str, reason: str) -> WeightsNotFoundError:
    """The version was there once."""
    name = reference.partition(":")[0]
    return WeightsNotFoundError(
        f"{reference} was removed on {removed[:10]}",
        context=[f"store: {root}", f"reason: {reason or 'none was given'}"],
        note="its record is kept, its weights are gone, and its number is never given again",
        hint=f"yolow weights log {name}",
    )


def _near(word: str, known: Sequence[str], *, most: int) -> list[str]:
    import difflib  # needed for suggestions only

    return difflib.get_close_matches(word, known, n=most)
