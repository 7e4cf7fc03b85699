"""Give files to a `yolow` command, one after the other in one process, and write down how each ended.

Run in a process of its own: `python through_commands.py CANARY COMMAND FILE ...`. COMMAND is a JSON list of words in
which `{file}` stands for the file. Prints one line of JSON: for each file the exit code, the seconds, both streams
and whether the canary fired; the process' peak of memory in MB; and which heavy modules were imported.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from yolow.cli.main import main

HEAVY = ("torch", "torchvision", "ultralytics", "cv2", "onnx", "onnxruntime", "openvino")


def run(arguments: list[str]) -> tuple[int, str, str]:
    """The exit code and all that was written to the two streams, also by what does not go through Python's."""
    sys.argv = ["yolow", *arguments]
    kept = [os.dup(number) for number in (1, 2)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 99
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
        return code, _all_of(out), _all_of(err)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def peak_mb() -> float:
    """Of this process alone; `getrusage` would count the parent's peak as well."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def through(canary: Path, command: list[str], subjects: list[str]) -> dict[str, Any]:
    outcomes = []
    for subject in subjects:
        canary.unlink(missing_ok=True)
        start = time.monotonic()
        code, out, err = run([word.replace("{file}", subject) for word in command])
        seconds = time.monotonic() - start
        outcomes.append({"code": code, "seconds": seconds, "out": out, "err": err, "fired": canary.exists()})
    return {
        "outcomes": outcomes,
        "peak_mb": peak_mb(),
        "heavy": [name for name in HEAVY if name in sys.modules],
    }


if __name__ == "__main__":
    told = through(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
    sys.stdout.write(json.dumps(told) + "\n")
