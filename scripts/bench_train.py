"""How fast are yolow's training epochs beside those of `yolo train` with its defaults, and how good the result?

Runs the two alternately on the same machine, the same weights and the same data, and reads the time of every epoch
from the `results.csv` that both write. The first epoch of a run warms up and does not count.

    python scripts/bench_train.py --weights yolo26n.pt --data solar/data.yaml --imgsz 416 --epochs 15 --rounds 2
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from yolow.engine import upstream
from yolow.store.resolve import default_cache_dir


@dataclass(frozen=True)
class Result:
    """Seconds of each counted epoch, and the final mAP50-95 on the validation split."""

    epochs_s: list[float]
    map50_95: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="data-set YAML in a folder of its own")
    parser.add_argument("--imgsz", type=int, default=416)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    results: dict[str, list[Result]] = {"yolo train": [], "yolow finetune": []}
    with tempfile.TemporaryDirectory(prefix="bench-train-") as scratch:
        folder = Path(scratch)
        # yolo writes caches beside the labels, so it gets a copy.
        data = (
            Path(shutil.copytree(arguments.data.parent, folder / "data", copy_function=_copy))
            / arguments.data.name
        )
        for number in range(1, arguments.rounds + 1):
            for name, run in (("yolo train", _yolo), ("yolow finetune", _yolow)):
                result = run(arguments, data, folder / f"{name.split()[0]}-{number}")
                results[name].append(result)
                print(
                    f"round {number}  {name:<15} {statistics.median(result.epochs_s):6.2f} s an epoch"
                    f"  mAP50-95 {result.map50_95:.4f}",
                    flush=True,
                )
    print()
    medians = {}
    for name, rounds in results.items():
        epochs = [seconds for result in rounds for seconds in result.epochs_s]
        medians[name] = statistics.median(epochs)
        maps = ", ".join(f"{result.map50_95:.4f}" for result in rounds)
        print(
            f"{name:<15} median {medians[name]:6.2f} s an epoch (fastest {min(epochs):.2f}, slowest {max(epochs):.2f},"
            f" {len(epochs)} epochs)  mAP50-95 {maps}"
        )
    print(f"ratio           {medians['yolo train'] / medians['yolow finetune']:.2f} times faster")


def _copy(source: str, target: str) -> None:
    shutil.copyfile(source, target)  # without the mode: the original may be read-only


def _yolo(arguments: argparse.Namespace, data: Path, folder: Path) -> Result:
    upstream.load(default_cache_dir())  # prepares fonts and settings, so that nothing is fetched
    environment = {**os.environ, "YOLO_VERBOSE": "False"}
    for key in ("ULTRALYTICS_SAFE_LOAD", "OMP_NUM_THREADS"):
        environment.pop(key, None)  # its own defaults
    command = [
        str(Path(sys.executable).with_name("yolo")), "train", f"model={arguments.weights.resolve()}", f"data={data}",
        f"epochs={arguments.epochs}", f"imgsz={arguments.imgsz}", "device=cpu", f"project={folder}", "name=run",
    ]  # fmt: skip
    folder.mkdir()
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    rows = _rows(folder / "run" / "results.csv")
    return Result(_epoch_seconds(rows), max(float(row["metrics/mAP50-95(B)"]) for row in rows))


def _yolow(arguments: argparse.Namespace, data: Path, folder: Path) -> Result:
    command = [
        sys.executable, "-m", "yolow", "finetune", "--weights", str(arguments.weights.resolve()), "--data", str(data),
        "--name", "bench", "--epochs", str(arguments.epochs), "--imgsz", str(arguments.imgsz), "--device", "cpu",
        "--json", "--quiet",
    ]  # fmt: skip
    folder.mkdir()
    output = subprocess.run(command, check=True, cwd=folder, stdout=subprocess.PIPE, text=True).stdout
    document = json.loads(output)
    rows = _rows(folder / "runs" / document["run"] / "train" / "results.csv")
    return Result(_epoch_seconds(rows), document["metrics"]["map50_95"])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [{key.strip(): value for key, value in row.items()} for row in csv.DictReader(stream)]


def _epoch_seconds(rows: list[dict[str, str]]) -> list[float]:
    times = [float(row["time"]) for row in rows]
    return [after - before for before, after in itertools.pairwise(times)] or times


if __name__ == "__main__":
    main()
