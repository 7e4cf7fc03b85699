"""Kill fine-tuning runs at random moments of every phase; the store must stay valid and every run must finish.

For each kill: start `yolow finetune`, wait for a phase, wait a random moment more, send SIGKILL to the whole process
group, check the store, resume the run, and check that it published exactly one version. Then eight processes add 25
versions each to one store at the same time.

    python scripts/drill_crash.py --weights yolo26n.pt --data solar/data.yaml --imgsz 416 --epochs 3 --kills 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.store.store import Store, VersionDraft


@dataclass(frozen=True)
class Phase:
    """A part of a run's life: how it is recognised from outside, and how long it lasts at most."""

    name: str
    reached: Callable[[Path], bool]
    delay_s: float


def _journal(run: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
        return value
    except (OSError, ValueError):
        return {}


def _saving(run: Path) -> bool:
    # Upstream truncates last.pt before it writes it again; our copy goes through a temporary file.
    last = run / "train" / "weights" / "last.pt"
    copied = run / "checkpoint" / "last.pt"
    try:
        size = last.stat().st_size
    except OSError:
        return False
    newer = not copied.exists() or last.stat().st_mtime_ns > copied.stat().st_mtime_ns
    return size == 0 or newer or any((run / "checkpoint").glob("*.tmp*"))


PHASES = (
    Phase("before the first save", lambda run: _journal(run).get("phase") == "training", 3.0),
    Phase("in an epoch", lambda run: (run / "checkpoint" / "state.json").exists(), 2.0),
    Phase("while saving", _saving, 0.02),
    Phase("in the final validation", lambda run: _journal(run).get("phase") == "measuring", 1.0),
    Phase("while publishing", lambda run: _journal(run).get("phase") == "publishing", 0.02),
)


def drill(command: list[str], folder: Path, phase: Phase, rng: random.Random) -> str:
    """Start one run in `folder`, kill it in a phase, resume it; what happened is returned, failures raise."""
    runs = folder / "runs"
    before = {path.name for path in runs.glob("*")} if runs.exists() else set()
    store = Store(folder / "weights")
    published_before = len(store.versions())
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    run = None
    while process.poll() is None:
        run = run or next((path for path in runs.glob("*") if path.name not in before), None)
        if run is not None and phase.reached(run):
            time.sleep(rng.uniform(0, phase.delay_s))
            break
        time.sleep(0.001)
    assert run is not None, f"no run folder appeared (exit {process.poll()})"
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    at = _journal(run).get("phase")
    require_valid(store)
    resumed = subprocess.run(
        [sys.executable, "-m", "yolow", "finetune", "--resume", run.name, "--json", "--quiet"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert resumed.returncode == 0, f"resume failed in {run}:\n{resumed.stdout}\n{resumed.stderr}"
    require_valid(store)
    assert len(store.versions()) == published_before + 1, "a run must publish exactly one version"
    document = json.loads(resumed.stdout)
    epochs = document["training"]["epochs_run"]
    state = f"killed (journal: {at})" if alive else "had ended before the kill"
    return (
        f"{state}; resumed to {document['version']}, {epochs} epochs, {document['metrics']['map50_95']:.4f}"
    )


def require_valid(store: Store) -> None:
    """Every version of the store is whole, byte by byte, and no number is there twice."""
    versions = store.versions()
    for version in versions:
        differences = store.verify(version)
        assert not differences, f"{version.reference}: {differences}"
    references = [version.reference for version in versions]
    assert len(references) == len(set(references))


def _add_versions(root: Path, worker: int, count: int) -> list[str]:
    store, references = Store(root), []
    for index in range(count):
        weights = root.parent / f"weights-{worker}-{index}.pt"
        weights.write_bytes(os.urandom(20_000))
        draft = VersionDraft(name="shared", operation="drill", task="detect", classes={0: "thing"})
        references.append(store.add(draft, weights=weights, suffix=".pt").reference)
        weights.unlink()
    return references


def publish_at_once(folder: Path, *, processes: int = 8, versions: int = 25) -> str:
    """Several processes add versions of one name at the same time."""
    root = folder / "shared-store"
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(_add_versions, root, worker, versions) for worker in range(processes)]
        references = [reference for job in jobs for reference in job.result()]
    require_valid(Store(root))
    numbers = sorted(int(reference.rpartition(":v")[2]) for reference in references)
    assert numbers == list(range(1, processes * versions + 1)), "a number is missing or was given twice"
    return f"{processes} processes published {len(numbers)} versions, all verified, no number twice"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--imgsz", type=int, default=416)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    command = [
        sys.executable, "-m", "yolow", "finetune", "--weights", str(Path(arguments.weights).resolve()),
        "--data", str(arguments.data.resolve()), "--name", "drill", "--epochs", str(arguments.epochs),
        "--imgsz", str(arguments.imgsz), "--quiet",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="drill-crash-") as scratch:
        folder = Path(scratch)
        for number in range(arguments.kills):
            phase = PHASES[number % len(PHASES)]
            outcome = drill(command, folder, phase, rng)
            print(f"kill {number + 1:>2}/{arguments.kills}  {phase.name:<24} {outcome}", flush=True)
        print(publish_at_once(folder))


if __name__ == "__main__":
    main()
