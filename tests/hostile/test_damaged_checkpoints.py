"""Truncated and damaged weights end in a WeightsError, whatever byte is wrong."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import WeightsError, WeightsRefusedError, YolowError

from . import pickles

_SHARED = Path(os.environ.get("YOLOW_WEIGHTS_DIR", Path(__file__).parents[3] / "shared" / "weights"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "good.pt"
    return pickles.write(path, pickles.checkpoint()).read_bytes()


def test_a_file_cut_anywhere_is_refused(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.pt"
    for length in (*range(0, len(good) - 100, 11), *range(len(good) - 100, len(good))):
        path.write_bytes(good[:length])
        with pytest.raises(WeightsError) as caught:
            read_checkpoint(path)
        assert caught.value.context[0] == str(path)


@pytest.mark.shared
@pytest.mark.skipif(not (_SHARED / "yolo26n.pt").is_file(), reason="the shared weights are not there")
def test_real_weights_cut_at_many_places_are_refused(tmp_path: Path) -> None:
    content = (_SHARED / "yolo26n.pt").read_bytes()
    path = tmp_path / "cut.pt"
    tenths = [len(content) * tenth // 10 for tenth in range(10)]
    around_the_end = [
        len(content) - back for back in (1, 2, 21, 22, 23, 41, 42, 43, 97, 98, 99, 1000, 50_000)
    ]
    for length in tenths + around_the_end:
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"empty|cut short"):
            read_checkpoint(path)


def test_any_changed_byte_ends_in_an_error_of_ours(good: bytes, tmp_path: Path) -> None:
    """Most changes are found by a checksum; those in fields that nobody reads change nothing."""
    path = tmp_path / "changed.pt"
    unharmed = 0
    positions = range(0, len(good), 3)
    for position in positions:
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x41]) + good[position + 1 :])
        try:
            summary = read_checkpoint(path)
        except (WeightsError, WeightsRefusedError):
            continue
        assert summary.parameters == 4
        unharmed += 1
    assert unharmed < len(positions) // 4


def test_any_changed_pickle_ends_in_an_error_of_ours(tmp_path: Path) -> None:
    """The same below the checksum: the archive is right, the pickle holds random changes."""
    stream = pickles.checkpoint(train_args=pickles.dict_of(imgsz=pickles.number(640)))
    chance = random.Random(0)
    outcomes = set()
    for _ in range(800):
        changed = bytearray(stream)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path = pickles.write(tmp_path / "changed.pt", bytes(changed))
        try:
            read_checkpoint(path)
            outcomes.add("read")
        except YolowError as error:
            outcomes.add(error.kind)
    assert outcomes == {"read", "weights", "refused"}
