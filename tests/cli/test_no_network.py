"""No command reaches for the network unless it was told to, and none writes where it has no business."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

Run = Callable[..., Any]

_GUARD = """
import os, socket

def _refuse(what, host):
    with open(os.environ["NETWORK_LOG"], "a") as log:
        log.write(f"{what} {host}\\n")
    raise OSError(f"the network is closed: {host}")

def _is_local(host):
    return host in (None, "", "localhost", "127.0.0.1", "::1", b"localhost")

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo

def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
        _refuse("connect", address)
    return _connect(self, address)

def getaddrinfo(host, *rest, **named):
    if not _is_local(host):
        _refuse("getaddrinfo", host)
    return _getaddrinfo(host, *rest, **named)

socket.socket.connect = socket.socket.connect_ex = connect
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, str]:
    """An environment in which every attempt to leave the machine fails and is written down."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    for name in ("home", "cwd"):
        (tmp_path / name).mkdir()
    (tmp_path / "network.log").touch()
    return {
        "PYTHONPATH": str(site),
        "NETWORK_LOG": str(tmp_path / "network.log"),
        "HOME": str(tmp_path / "home"),
        "YOLOW_CACHE": str(tmp_path / "cache"),
    }


def test_the_guard_itself_works(run_yolow: Run, guarded: dict[str, str], tmp_path: Path) -> None:
    finished = run_yolow("predict", "http://example.invalid/x.jpg", "--json", cwd=tmp_path, env=guarded)
    assert finished.code == 2
    finished = run_yolow("finetune", "--data", make_dataset(tmp_path / "d", task="detect"), "--json",
                         cwd=tmp_path, env={**guarded, "https_proxy": ""})  # fmt: skip
    assert finished.document["error"]["kind"] == "network"
    assert (tmp_path / "network.log").read_text(encoding="utf-8") != ""


@pytest.mark.slow
def test_nothing_leaves_the_machine(
    run_yolow: Run, trained: Any, guarded: dict[str, str], tmp_path: Path
) -> None:
    cwd = tmp_path / "cwd"
    shutil.copytree(trained.folder / "weights", cwd / "weights")
    data = make_dataset(tmp_path / "fresh", task="detect")
    inside = sorted(path for path in data.parent.rglob("*"))
    small = ("--epochs", "1", "--imgsz", "64", "--batch", "4")
    for arguments in (
        ("train", "--data", data, *small, "--name", "other"),
        ("finetune", "--data", data, "--weights", "tiny", *small, "--set", "plots=false"),
        ("predict", data.parent / "images" / "val", "--weights", "tiny", "--imgsz", "64"),
        ("val", "tiny", "--data", data, "--imgsz", "64", "--plots"),
        ("weights", "list"),
        ("weights", "show", "tiny"),
    ):
        finished = run_yolow(*arguments, cwd=cwd, env=guarded)
        assert finished.code == 0, finished.err
    assert (tmp_path / "network.log").read_text(encoding="utf-8") == ""
    assert sorted(path for path in data.parent.rglob("*")) == inside
    assert {path.name for path in cwd.iterdir()} == {"weights", "runs", "predictions", "validation"}
    assert list((tmp_path / "home").rglob("*")) == []
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []
