"""How long does it take to see inside a checkpoint: `yolow inspect` beside Ultralytics' own `info(detailed=True)`?

Runs the two alternately as whole processes on the same file, after one run of each that warms the file cache.
Ultralytics runs offline, so that its look-ups of the network don't count against it.

    python scripts/bench_inspect.py --weights yolo26n.pt --rounds 7
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ULTRALYTICS = "import sys; from ultralytics import YOLO; YOLO(sys.argv[1]).info(detailed=True)"
_HEAVY = ("torch", "torchvision", "ultralytics", "cv2", "matplotlib")
_PROBE = """
import sys
from yolow.cli.main import main
try:
    main()
except SystemExit:
    pass
print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    weights = str(arguments.weights.absolute())
    commands = {
        "yolow inspect": [sys.executable, "-m", "yolow", "inspect", weights],
        "ultralytics info": [sys.executable, "-c", _ULTRALYTICS, weights],
    }
    times_s: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory(prefix="bench-inspect-") as folder:
        environment = {**os.environ, "YOLO_CONFIG_DIR": folder, "YOLO_OFFLINE": "1", "YOLOW_CACHE": folder}
        # Without compiled modules both would compile their own source anew, which no installed program does.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in commands.values():
            _seconds(command, folder, environment)
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                times_s[name].append(_seconds(command, folder, environment))
        heavy = _heavy_modules(weights, folder, environment)
    for name, values in times_s.items():
        print(f"{name:<17} median {statistics.median(values):6.3f} s  best {min(values):6.3f} s")
    ratio = statistics.median(times_s["ultralytics info"]) / statistics.median(times_s["yolow inspect"])
    print(f"yolow is {ratio:.1f} times as fast; heavy modules that it imported: {heavy or 'none'}")


def _seconds(command: list[str], folder: str, environment: dict[str, str]) -> float:
    """Wall time of one process, its output into a pipe."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return time.perf_counter() - start


def _heavy_modules(weights: str, folder: str, environment: dict[str, str]) -> str:
    probe = [sys.executable, "-c", _PROBE.format(heavy=_HEAVY), "inspect", weights, "--quiet"]
    process = subprocess.run(probe, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return process.stderr.strip()


main()
