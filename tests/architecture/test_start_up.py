"""Commands that need no torch never import it, and a refused config is refused fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from harness import Trained

HEAVY = ("torch", "torchvision", "ultralytics", "numpy", "cv2", "PIL", "matplotlib")

_PROBE = """
import sys
sys.argv = ["yolow", *sys.argv[1:]]
from yolow.cli.main import main
try:
    main()
except SystemExit as stop:
    code = stop.code
heavy = [name for name in {heavy!r} if name in sys.modules]
print("EXIT", code, "HEAVY", heavy, file=sys.stderr)
"""


def _probe(arguments: list[str], *, cwd: Path, env: dict[str, str]) -> str:
    process = subprocess.run(
        [sys.executable, "-c", _PROBE.format(heavy=HEAVY), *arguments],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return process.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["finetune", "--help"], 0),
        (["weights", "list"], 0),
        (["finetune", "--data", "x.yaml", "--set", "optimizer=nope"], 2),
        (["train", "--set", "imgsz=-5"], 2),
        (["predict", "nothing.jpg", "--weights", "missing.pt"], 2),
        (["val", "unknown:v7"], 2),
        (["finetune", "--nonsense"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_light_commands_import_nothing_heavy(
    arguments: list[str], code: int, workdir: Path, base_env: dict[str, str]
) -> None:
    assert _probe(arguments, cwd=workdir, env=base_env) == f"EXIT {code} HEAVY []"


def test_showing_a_version_imports_nothing_heavy(trained: Trained, base_env: dict[str, str]) -> None:
    assert _probe(["weights", "show", "tiny:v1"], cwd=trained.folder, env=base_env) == "EXIT 0 HEAVY []"


def test_weights_of_the_wrong_kind_are_refused_before_torch(workdir: Path, base_env: dict[str, str]) -> None:
    (workdir / "broken.pt").write_bytes(b"PK\x03\x04 not really")
    line = _probe(["finetune", "--weights", "./broken.pt", "--data", "x.yaml"], cwd=workdir, env=base_env)
    assert line == "EXIT 2 HEAVY []"
