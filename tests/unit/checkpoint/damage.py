"""Damage files, and read what is left of them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from yolow.checkpoint.contents import Contents
from yolow.checkpoint.open import open_contents
from yolow.errors import WeightsError, WeightsNotFoundError, YolowError

_NUMBERS = (b"0", b"-1", b"1", b"3", b"4294967295", b"9223372036854775808", b"9" * 30, b"1e9", b"")


def read_all(path: Path) -> tuple[Contents, dict[str, np.ndarray]]:
    """Contents, and the values of each tensor, which must have the shape that was told."""
    contents = open_contents(path)
    values = {entry.name: contents.read(entry) for entry in contents.entries}
    assert len(values) == len(contents.entries)
    assert all(values[entry.name].shape == entry.shape for entry in contents.entries)
    return contents, values


def refusal(path: Path) -> YolowError | None:
    """The error that reading ends with; None where all can be read. Any other exception is a defect."""
    try:
        read_all(path)
    except (WeightsError, WeightsNotFoundError) as error:
        return error
    return None


def damaged(content: bytes, *, times: int, seed: int = 0) -> Iterator[bytes]:
    """Cut, flip, insert, remove, and put other numbers in place of those that a text holds."""
    generator = random.Random(seed)
    numbers = [match.span() for match in re.finditer(rb"-?[0-9]+", content)]
    for _ in range(times):
        kind, place = generator.randrange(5), generator.randrange(len(content))
        some = generator.randbytes(generator.randrange(1, 9))
        if kind == 0:
            yield content[:place]
        elif kind == 1:
            yield content[:place] + some[:1] + content[place + 1 :]
        elif kind == 2:
            yield content[:place] + some + content[place:]
        elif kind == 3:
            yield content[:place] + content[place + len(some) :]
        else:
            start, end = generator.choice(numbers)
            yield content[:start] + generator.choice(_NUMBERS) + content[end:]


def told(error: YolowError | None) -> str:
    """Message and context as one text."""
    assert error is not None, "nothing was refused"
    assert error.context, error
    return "\n".join((error.message, *error.context))
