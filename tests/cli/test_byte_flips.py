"""Flip any byte of any file of a version: `verify` names the file, and every command that would load it refuses."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import Finished, Trained, Yolow

from yolow.errors import IntegrityError, StoreError
from yolow.progress import Silent
from yolow.recipes.session import Session
from yolow.recipes.weights_verify import verify_weights
from yolow.store.resolve import resolve_weights
from yolow.store.store import Store

SEED = 20260101
RECORDS = ("record.json", "record.json.sha256")
# What can be in a version that a command published: each kind has at least one file.
KINDS = {".pt", ".json", ".sha256", ".md", ".yaml", ".csv", ".png"}


@pytest.fixture(scope="module")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a copy of the trained version in its store."""
    folder = tmp_path_factory.mktemp("flips")
    shutil.copytree(trained.folder / "weights", folder / "weights")
    return folder


@pytest.fixture(scope="module")
def session(folder: Path) -> Session:
    return Session(
        store=Store(folder / "weights"), runs=folder / "runs", cache_dir=folder, offline=True, progress=Silent()
    )  # fmt: skip


def _files(folder: Path) -> list[Path]:
    version = folder / "weights" / "tiny" / "v1"
    return sorted(path for path in version.rglob("*") if path.is_file())


@contextmanager
def flipped(path: Path, at: int, mask: int = 1) -> Iterator[None]:
    """Change one byte, and change it back afterwards."""
    path.chmod(0o644)
    with path.open("r+b", buffering=0) as stream:
        [byte] = os.pread(stream.fileno(), 1, at)
        os.pwrite(stream.fileno(), bytes([byte ^ mask]), at)
        try:
            yield
        finally:
            os.pwrite(stream.fileno(), bytes([byte]), at)
    path.chmod(0o444)


def _sample(path: Path, rng: random.Random, most: int) -> list[tuple[int, int]]:
    """(place, mask): the first and last bytes and some between, with one bit or more changed."""
    size = path.stat().st_size
    places = {0, size - 1, *(rng.randrange(size) for _ in range(most - 2))}
    return [(place, rng.choice((1, 0x20, 0x80, 0xFF))) for place in sorted(places)]


def _resolve(session: Session) -> None:
    resolve_weights(
        "tiny:v1", store=session.store, offline=True, cache_dir=session.cache_dir, progress=session.progress
    )


def test_every_kind_of_file_is_there(folder: Path) -> None:
    assert {path.suffix for path in _files(folder)} >= KINDS


def test_flips_are_found_and_refused(folder: Path, session: Session) -> None:
    rng = random.Random(SEED)
    for path in _files(folder):
        name = path.relative_to(folder / "weights" / "tiny" / "v1").as_posix()
        for place, mask in _sample(path, rng, most=60 if name in RECORDS else 6):
            with flipped(path, place, mask):
                where = f"{name}, byte {place} ^ {mask:#x}"
                report = verify_weights(["tiny:v1"], session)
                [version] = report.details["versions"]
                found = {difference["path"] for difference in version["differences"]}
                assert report.exit_code == 1, where
                # A record that says something else of a file makes that file differ too.
                assert name in found if name == "record.json" else found == {name}, where
                with pytest.raises((IntegrityError, StoreError)) as caught:
                    _resolve(session)
                assert str(path) in "\n".join(caught.value.context), where
    assert verify_weights(["tiny:v1"], session).exit_code == 0
    _resolve(session)


@pytest.fixture
def loading(trained: Trained, folder: Path) -> dict[str, list[Any]]:
    """Every command that reads the weights of a version or hands them on."""
    image = next((trained.data.parent / "images" / "val").iterdir())
    return {
        "predict": ["predict", image, "--weights", "tiny:v1"],
        "val": ["val", "tiny:v1", "--data", trained.data],
        "finetune": ["finetune", "--weights", "tiny:v1", "--data", trained.data, "--epochs", "1"],
        "inspect": ["inspect", "tiny:v1"],
        "weights diff": ["weights", "diff", "tiny:v1", trained.weights],
        "weights promote": ["weights", "promote", "tiny:v1", "production"],
        "weights export-card": ["weights", "export-card", "tiny:v1"],
        "weights push": ["weights", "push", folder / "elsewhere", "tiny:v1"],
    }


@pytest.mark.parametrize(
    "name", ["tiny-v1.pt", "record.json", "record.json.sha256", "report.md", "results.png"]
)
def test_every_command_refuses(
    folder: Path, loading: dict[str, list[Any]], run_yolow: Yolow, name: str
) -> None:
    path = folder / "weights" / "tiny" / "v1" / name
    # The record's last bytes are in no name or number, so that it can still be read.
    place = path.stat().st_size - 2 if name == "record.json" else path.stat().st_size // 2
    for command, words in loading.items():
        with flipped(path, place):
            finished: Finished = run_yolow(*words, "--json", cwd=folder)
        assert finished.code in (1, 2), command
        error = finished.document["error"]
        assert error["kind"] in ("integrity", "store"), command
        context = "\n".join(error["context"])
        assert str(path.parent) in context, command
        assert name in context, command
        assert sorted(entry.name for entry in folder.iterdir()) == ["weights"], command


def test_what_refused_takes_the_whole_version(
    folder: Path, loading: dict[str, list[Any]], run_yolow: Yolow
) -> None:
    """The commands above fail for the flipped byte and nothing else."""
    for command in ("inspect", "weights diff", "weights export-card"):
        finished = run_yolow(*loading[command], "--json", cwd=folder)
        assert finished.code == 0, finished.err
