"""Fixtures that all tests share: an isolated home, real processes, real small networks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT, Finished, Trained, Yolow
from tiny_data import make_dataset


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The shared weights and images beside the checkout."""
    folder = Path(os.environ.get("YOLOW_SHARED", ROOT.parent / "shared"))
    if not (folder / "weights" / "yolo26n.pt").exists():
        pytest.skip(f"no shared weights and images at {folder} (set YOLOW_SHARED)")
    return folder


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session, so that fonts and settings are prepared once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def base_env(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of every yolow process: a home of its own and nothing of the developer's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("YOLO", "PYTEST"))}
    home = str(tmp_path_factory.mktemp("home"))
    return kept | {"YOLOW_CACHE": str(cache_dir), "HOME": home, "NO_COLOR": "1", "PYTHONHASHSEED": "0"}


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def run_yolow(base_env: dict[str, str]) -> Yolow:
    """Run `yolow` as a real process and return what it left."""

    def run(
        *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = 300
    ) -> Finished:
        process = subprocess.run(
            [sys.executable, "-m", "yolow", *map(str, arguments)],
            cwd=cwd,
            env=base_env | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(process.returncode, process.stdout, process.stderr)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, run_yolow: Yolow) -> Trained:
    """`tiny:v1`: yolo26n trained from random weights for two epochs on eight 64-pixel images."""
    folder = tmp_path_factory.mktemp("trained")
    data = make_dataset(folder / "tiny", task="detect")
    finished = run_yolow(
        "train", "--data", data, "--model", "yolo26n.yaml", "--name", "tiny", "--epochs", "2",
        "--imgsz", "64", "--batch", "4", "--json", cwd=folder,
    )  # fmt: skip
    assert finished.code == 0, finished.err
    return Trained(folder, data, finished.document)
