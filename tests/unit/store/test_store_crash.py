"""Many processes at once, and processes that are killed: the store stays valid."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from store_samples import DRAFT, add, write

from yolow.store.store import Store

PROCESSES, VERSIONS = 8, 25

_SCRIPT = """
import itertools, sys, time
from pathlib import Path
from store_samples import DRAFT, add
from yolow.store.store import Store
store, folder = Store(Path(sys.argv[1])), Path(sys.argv[2])
"""


def _start(code: str, root: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT + code, str(root), str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _require_valid(store: Store) -> None:
    versions = store.versions()
    assert [line for version in versions for line in store.verify(version)] == []
    references = [version.reference for version in versions]
    assert len(set(references)) == len(references)


def _add_many(root: Path, folder: Path, worker: int) -> list[str]:
    store, own = Store(root), folder / str(worker)
    return [add(store, own, content=os.urandom(2_000)).reference for _ in range(VERSIONS)]


def test_eight_processes_add_two_hundred_versions(tmp_path: Path) -> None:
    root = tmp_path / "weights"
    with ProcessPoolExecutor(PROCESSES) as pool:
        jobs = [pool.submit(_add_many, root, tmp_path, worker) for worker in range(PROCESSES)]
        references = [reference for job in jobs for reference in job.result()]
    assert sorted(references) == sorted(f"solar:v{number}" for number in range(1, PROCESSES * VERSIONS + 1))
    store = Store(root)
    assert len(store.versions()) == PROCESSES * VERSIONS
    _require_valid(store)
    assert len({version.record.sha256 for version in store.versions()}) == PROCESSES * VERSIONS
    assert list((root / ".staging").iterdir()) == []


def test_kills_at_random_moments_leave_whole_versions_only(tmp_path: Path) -> None:
    store, rng = Store(tmp_path / "weights"), random.Random(0)
    code = """
add(store, folder, name="first")  # imports are over
print("ready", flush=True)
for number in itertools.count():
    add(store, folder, content=bytes(50_000) + str(number).encode())
"""
    leftovers = 0
    for _ in range(12):
        process = _start(code, store.root, tmp_path / "sources")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.06))
        _kill(process)
        _require_valid(store)
        leftovers += any((store.root / ".staging").glob("*"))
    assert leftovers > 0, "no kill hit a version that was being made"
    published = store.numbers("solar")
    assert published, "no version was finished between two kills"
    assert add(store, tmp_path / "last").number > published[-1]
    _require_valid(store)
    assert list((store.root / ".staging").iterdir()) == []


def test_a_kill_while_copying_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")
    pipe = tmp_path / "slow.pt"
    os.mkfifo(pipe)
    code = "store.add(DRAFT, weights=folder / 'slow.pt', suffix='.pt')"
    process = _start(code, store.root, tmp_path)
    with pipe.open("wb") as stream:
        stream.write(bytes(100_000))
        stream.flush()
        place = _the_staging(store)
        add(store, tmp_path / "meanwhile")  # neither waits for the slow one nor takes its folder away
        assert place.is_dir()
        _kill(process)
    assert [version.reference for version in store.versions()] == ["solar:v1"]
    assert place.is_dir()
    add(store, tmp_path / "after")
    assert not place.exists()
    _require_valid(store)


def test_a_slow_writer_publishes_after_a_fast_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")
    pipe = tmp_path / "slow.pt"
    os.mkfifo(pipe)
    process = _start(
        "print(store.add(DRAFT, weights=folder / 'slow.pt', suffix='.pt').reference)", store.root, tmp_path
    )
    with pipe.open("wb") as stream:
        stream.write(b"slow")
        assert add(store, tmp_path / "meanwhile").reference == "solar:v1"
    out, _ = process.communicate(timeout=30)
    assert out == b"solar:v2\n"
    _require_valid(store)


def test_a_kill_under_the_lock_frees_the_lock(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")
    write(tmp_path / "w.pt", b"w")
    code = """
def finish(staging, reference):
    (staging / "report.md").write_text("half")
    print(reference, flush=True)
    time.sleep(60)
store.add(DRAFT, weights=folder / "w.pt", suffix=".pt", finish=finish)
"""
    process = _start(code, store.root, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == b"solar:v1\n"
    _kill(process)
    assert store.versions() == []
    assert store.names() == []
    assert add(store, tmp_path).reference == "solar:v1"
    _require_valid(store)
    assert list((store.root / ".staging").iterdir()) == []


def test_an_interrupt_removes_its_own_staging(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")

    def finish(staging: Path, reference: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add(DRAFT, weights=write(tmp_path / "w.pt", b"w"), suffix=".pt", finish=finish)
    assert list((store.root / ".staging").iterdir()) == []
    assert store.versions() == []


def _the_staging(store: Store) -> Path:
    for _ in range(500):
        found = list(store.root.glob(".staging/*/version/.weights"))
        if found:
            return found[0].parent.parent
        time.sleep(0.01)
    raise AssertionError("the process has not begun to copy")
