"""Whatever is wrong with what a user gives: a clear error in parts, no traceback, nothing in the store."""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

Run = Callable[..., Any]
SMALL = ("--imgsz", "64", "--batch", "4", "--epochs", "1", "--set", "plots=false")


@pytest.fixture
def data(workdir: Path) -> Path:
    return make_dataset(workdir / "tiny", task="detect")


@pytest.fixture
def refused(run_yolow: Run, workdir: Path) -> Run:
    """Run a command that must fail, twice: for a person and with `--json`; returns the JSON document's error."""

    def check(*arguments: str | Path, code: int = 2, env: dict[str, str] | None = None) -> dict[str, Any]:
        plain = run_yolow(*arguments, cwd=workdir, env=env)
        assert plain.code == code, plain.err
        assert plain.out == ""
        assert "Traceback" not in plain.err
        document = _document(run_yolow(*arguments, "--json", cwd=workdir, env=env), code)
        error: dict[str, Any] = document["error"]
        assert error["kind"] != "internal"
        for line in _rendered(error):
            assert _without_run(line) in _without_run(plain.err)
        assert not list(workdir.glob("weights/*/v*"))
        return error

    return check


def _document(finished: Any, code: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(finished.out)
    assert (finished.code, document["exit_code"]) == (code, code)
    assert document["status"] == ("rejected" if code == 1 else "error")
    assert document["version"] is None
    return document


def _rendered(error: dict[str, Any]) -> list[str]:
    lines = [f"error: {error['message']}\n", *(f"  {fact}\n" for fact in error["context"])]
    lines += [f"note: {error['note']}\n"] if error["note"] else []
    return lines + ([f"hint: {error['hint']}\n"] if error["hint"] else [])


def _without_run(text: str) -> str:
    """Names of runs differ between two calls."""
    return re.sub(r"-\d{8}-\d{6}-[0-9a-f]{4}", "-RUN", text)


# --- run configs


def test_config_mistakes(refused: Run, workdir: Path) -> None:
    (workdir / "run.yaml").write_text("data: x.yaml\nepoch: 3\nimgsz: big\n", encoding="utf-8")
    error = refused("finetune", "--config", "run.yaml")
    assert error == {
        "kind": "config",
        "message": "the run config has 2 mistakes",
        "context": [
            "run.yaml:2:1: unknown key 'epoch' (did you mean 'epochs'?)",
            "run.yaml:3:1: 'imgsz' must be a multiple of 32 from 32 to 8192, not 'big'",
        ],
        "note": None,
        "hint": "see configs/finetune.yaml for every key, or `yolow finetune --help`",
    }


def test_duplicate_key(refused: Run, workdir: Path) -> None:
    (workdir / "run.yaml").write_text("data: x.yaml\nepochs: 3\nepochs: 4\n", encoding="utf-8")
    error = refused("train", "--config", "run.yaml")
    assert (error["kind"], error["message"]) == ("config", "not valid YAML")
    assert error["context"] == ["run.yaml:3:1: duplicate key 'epochs' (first on line 2)"]


@pytest.mark.parametrize("plan", [[], ["--dry-run"]])
def test_unknown_gate_field_before_any_work(refused: Run, data: Path, plan: list[str]) -> None:
    error = refused("train", "--data", data, "--gate", "map5095 >= 0.4", *plan)
    assert error["kind"] == "config"
    assert error["context"] == [
        "--gate: gate 'map5095 >= 0.4': unknown field 'map5095' (did you mean 'map50_95'?)"
    ]


def test_missing_model(refused: Run, data: Path) -> None:
    error = refused("train", "--data", data, "--model", "yolo26q.yaml")
    assert (error["kind"], error["message"]) == ("config", "there is no architecture 'yolo26q.yaml'")


# --- the command line


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("frobnicate",), "No such command 'frobnicate'", "yolow --help"),
        (("weights", "frobnicate"), "No such command 'frobnicate'", "yolow weights --help"),
        (("predict", "--confidence", "1", "x.jpg"), "No such option: --confidence", "yolow predict --help"),
        (("predict", "--conf", "much"), "Invalid value for '--conf'", "yolow predict --help"),
        (("train", "--epochs", "many"), "Invalid value for '--epochs'", "yolow train --help"),
        (("weights", "show"), "Missing argument 'REF'", "yolow weights --help"),
    ],
)  # fmt: skip
def test_wrong_command_lines(refused: Run, arguments: tuple[str, ...], message: str, hint: str) -> None:
    error = refused(*arguments)
    assert (error["kind"], error["hint"]) == ("usage", hint)
    assert error["message"].startswith(message)


def test_no_command_shows_the_help(run_yolow: Run, workdir: Path) -> None:
    finished = run_yolow(cwd=workdir)
    assert finished.code == 2
    assert "Usage: yolow" in finished.out + finished.err
    assert "error: \n" not in finished.err


@pytest.mark.parametrize("word", ["²", "--5", "99999999999999999999"])
def test_odd_numbers_are_config_mistakes(refused: Run, data: Path, word: str) -> None:
    assert refused("train", "--data", data, f"--threads={word}")["kind"] == "config"


# --- data


def test_missing_yaml(refused: Run, workdir: Path) -> None:
    make_dataset(workdir / "tiny", task="detect", train=1, val=1)
    error = refused("train", "--data", "tiny/tinny.yaml")
    assert error["kind"] == "data"
    assert "tiny.yaml" in "\n".join([*error["context"], error["note"] or "", error["hint"] or ""])


def test_missing_images(refused: Run, data: Path) -> None:
    shutil.rmtree(data.parent / "images" / "val")
    error = refused("train", "--data", data)
    assert error["kind"] == "data"
    assert any(f"{data.name}:2:1" in line and "images/val" in line for line in error["context"])


def test_all_faults_of_the_labels_and_images_at_once(refused: Run, data: Path) -> None:
    labels, images = data.parent / "labels" / "train", data.parent / "images" / "train"
    (labels / "000.txt").write_text("7 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    (labels / "001.txt").write_text("0 0.5 0.5 0.1\n", encoding="utf-8")
    (labels / "002.txt").write_text("0 1.5 0.5 0.1 0.1\n", encoding="utf-8")
    (images / "003.png").write_bytes((images / "003.png").read_bytes()[:300])
    (images / "004.png").write_text("no image", encoding="utf-8")
    error = refused("train", "--data", data)
    assert error["kind"] == "data"
    text = "\n".join(error["context"])
    for place in ("labels/train/000.txt:1", "labels/train/001.txt:1", "labels/train/002.txt:1",
                  "images/train/003.png", "images/train/004.png"):  # fmt: skip
        assert place in text
    assert "class 7, but the classes are 0 to 1" in text


def test_no_labels_at_all(refused: Run, data: Path) -> None:
    shutil.rmtree(data.parent / "labels")
    error = refused("train", "--data", data)
    assert error["kind"] == "data"
    assert any("no labels at all" in line for line in error["context"])


def test_download_script_runs_only_when_allowed(
    refused: Run, run_yolow: Run, data: Path, workdir: Path
) -> None:
    moved, canary = workdir / "elsewhere", workdir / "canary"
    (data.parent / "images").rename(moved)
    script = f"import shutil; shutil.move({str(moved)!r}, {str(data.parent / 'images')!r}); open({str(canary)!r}, 'w')"
    data.write_text(data.read_text(encoding="utf-8") + f"download: |\n  {script}\n", encoding="utf-8")
    error = refused("train", "--data", data)
    assert error["kind"] == "data"
    assert "--allow-code" in (error["hint"] or "") + (error["note"] or "")
    assert not canary.exists()
    finished = run_yolow("train", "--data", data, "--allow-code", "--dry-run", cwd=workdir)
    assert finished.code == 0, finished.err
    assert canary.exists()


# --- weights


class _Boom:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def _hostile(path: Path, canary: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"model": _Boom(canary)}, protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


@pytest.mark.parametrize("command", ["finetune", "predict", "val"])
def test_weights_that_name_code_are_refused(refused: Run, workdir: Path, data: Path, command: str) -> None:
    canary = workdir / "canary"
    _hostile(workdir / "evil.pt", canary)
    arguments = {
        "finetune": ("--data", data, "--weights", "evil.pt"),
        "predict": (data.parent / "images", "--weights", "evil.pt"),
        "val": ("evil.pt", "--data", data),
    }
    error = refused(command, *arguments[command], code=1)
    assert error["kind"] == "refused"
    assert any("system" in line for line in error["context"])
    assert not canary.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text\n",
        b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
        b"PK\x03\x04",
        b"\x80\x02}q\x00",
    ],
)
def test_files_that_are_no_checkpoint(refused: Run, workdir: Path, data: Path, content: bytes) -> None:
    (workdir / "w.pt").write_bytes(content)
    error = refused("finetune", "--data", data, "--weights", "w.pt")
    assert error["kind"] == "weights"
    assert any("w.pt" in line for line in error["context"])


def test_truncated_weights(refused: Run, trained: Any, workdir: Path, data: Path) -> None:
    whole = trained.weights.read_bytes()
    (workdir / "w.pt").write_bytes(whole[: len(whole) // 2])
    assert refused("finetune", "--data", data, "--weights", "w.pt")["kind"] == "weights"


def test_unknown_version_names_near_ones(refused: Run, trained: Any, data: Path) -> None:
    store = ("--store", trained.folder / "weights")
    error = refused("predict", data.parent / "images", "--weights", "tiny:v99", *store)
    assert error["kind"] == "not-found"
    assert error["message"] == "there is no version tiny:v99"
    assert "versions of tiny: v1" in error["context"]
    assert refused("finetune", "--data", data, "--weights", "tinny", *store)["kind"] == "not-found"


def test_damaged_version_is_refused(refused: Run, trained: Any, workdir: Path, data: Path) -> None:
    store = workdir / "copied"
    shutil.copytree(trained.folder / "weights", store)
    weights = store / "tiny" / "v1" / "tiny-v1.pt"
    weights.chmod(0o644)
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    error = refused("predict", data.parent / "images", "--weights", "tiny", "--store", store, code=1)
    assert error["kind"] == "integrity"


def test_classes_differ(refused: Run, trained: Any, data: Path) -> None:
    data.write_text(data.read_text(encoding="utf-8").replace("dark", "shadow"), encoding="utf-8")
    error = refused("val", "tiny", "--data", data, "--store", trained.folder / "weights")
    assert (error["kind"], error["message"]) == ("weights", "the weights and the data have different classes")
    assert error["context"][0] == "class 1: weights 'dark', data 'shadow'"


def test_wrong_task(refused: Run, trained: Any, workdir: Path, run_yolow: Run) -> None:
    folder = make_dataset(workdir / "classes", task="classify")
    error = refused("finetune", "--data", folder, "--weights", "tiny", "--store", trained.folder / "weights")
    assert error["kind"] == "data"
    assert any("detect needs a YAML file" in line for line in error["context"])
    boxes = make_dataset(workdir / "boxes", task="detect")
    error = refused("train", "--data", boxes, "--model", "yolo26n-seg.yaml")
    assert error["kind"] == "data"
    assert any("segment needs polygons" in line for line in error["context"])
    error = refused("train", "--data", boxes, "--model", "yolo26n-cls.yaml")
    assert any("classify needs a folder" in line for line in error["context"])


def test_freeze_too_large(refused: Run, trained: Any, data: Path) -> None:
    error = refused("finetune", "--data", data, "--weights", "tiny", "--freeze", "24",
                    "--store", trained.folder / "weights")  # fmt: skip
    assert (error["kind"], error["message"]) == ("config", "nothing would be left to train")
    assert error["hint"] == "freeze at most 23 layers, or `--freeze backbone`"


# --- network


def test_offline_without_weights(refused: Run, workdir: Path, data: Path) -> None:
    env = {"YOLOW_CACHE": str(workdir / "cache")}
    error = refused("predict", data.parent / "images", "--offline", env=env)
    assert error["kind"] == "network"
    assert "YOLOW_WEIGHTS_DIR" in error["hint"]


def test_no_network(refused: Run, workdir: Path, data: Path) -> None:
    closed = "http://127.0.0.1:9"
    env = {"YOLOW_CACHE": str(workdir / "cache"), "https_proxy": closed, "HTTPS_PROXY": closed, "no_proxy": "",
           "NO_PROXY": ""}  # fmt: skip
    error = refused("finetune", "--data", data, env=env)
    assert (error["kind"], error["message"]) == ("network", "yolo26n.pt can't be downloaded")
    assert "YOLOW_WEIGHTS_DIR" in error["hint"]
    assert not list((workdir / "cache").rglob("*.pt"))
    assert not list((workdir / "cache").rglob("*.part"))


# --- places


def test_store_is_a_file(refused: Run, workdir: Path, data: Path) -> None:
    (workdir / "file").write_text("", encoding="utf-8")
    error = refused("train", "--data", data, "--store", "file")
    assert error["kind"] == "store"
    assert not (workdir / "runs").exists()
    assert refused("weights", "list", "--store", "file")["kind"] == "store"


def test_runs_is_a_file(refused: Run, workdir: Path, data: Path) -> None:
    (workdir / "file").write_text("", encoding="utf-8")
    error = refused("train", "--data", data, "--runs", "file")
    assert (error["kind"], error["message"]) == ("store", "the run folder can't be made")


def test_unknown_run(refused: Run) -> None:
    error = refused("finetune", "--resume", "nothing")
    assert (error["kind"], error["message"]) == ("run", "there is no run 'nothing'")


@pytest.mark.slow
def test_planted_cache_is_never_read(run_yolow: Run, workdir: Path, data: Path) -> None:
    """Plain training would unpickle `labels/train.cache`; here it is at most a warning."""
    canary = workdir / "canary"
    for place in ("labels/train.cache", "labels/val.cache", "images/train.cache", "labels/train/.cache"):
        (data.parent / place).write_bytes(pickle.dumps(_Boom(canary)))
    before = (data.parent / "labels" / "train.cache").read_bytes()
    finished = run_yolow("train", "--data", data, *SMALL, "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    assert not canary.exists()
    assert (data.parent / "labels" / "train.cache").read_bytes() == before
    assert any("cache" in warning for warning in finished.document["warnings"])


_LIMITED = """
import resource, sys
resource.setrlimit(resource.{name}, ({limit}, {limit}))
sys.argv = ["yolow", *sys.argv[1:]]
from yolow.cli.main import main
main()
"""


def _limited(name: str, limit: int, *arguments: str | Path, cwd: Path, env: dict[str, str]) -> Any:
    code = _LIMITED.format(name=name, limit=limit)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="this system can't limit memory")
def test_out_of_memory_says_which_batch_to_try(base_env: dict[str, str], workdir: Path) -> None:
    data = make_dataset(workdir / "tiny", task="detect", train=64, val=2)
    finished = _limited(
        "RLIMIT_AS", 6 * 2**30, "train", "--data", data, "--imgsz", "1024", "--batch", "64", "--epochs", "1",
        "--set", "workers=0", "--set", "plots=false", "--json", cwd=workdir, env=base_env,
    )  # fmt: skip
    assert finished.returncode == 2, finished.stderr
    error = json.loads(finished.stdout)["error"]
    assert error["kind"] == "resource"
    assert error["hint"] == "use --batch 32, or a smaller --imgsz"
    assert "Traceback" not in finished.stderr
    assert not list(workdir.glob("weights/*/v*"))


@pytest.mark.slow
def test_disk_full_while_publishing(
    run_yolow: Run, trained: Any, base_env: dict[str, str], workdir: Path, data: Path
) -> None:
    """A store on a full disk: the trained run is kept, and goes on once there is room."""
    store = workdir / "small"
    store.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(store)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.decode().strip()}")
    try:
        ballast = store / "ballast"
        sitecustomize = workdir / "site" / "sitecustomize.py"
        sitecustomize.parent.mkdir()
        # The disk fills up while the network trains: after the check of free space, before publishing.
        sitecustomize.write_text(
            "import shutil\nreal = shutil.disk_usage\n"
            "def disk_usage(path):\n    usage = real(path)\n"
            f"    if str(path).startswith({str(store)!r}):\n"
            f"        open({str(ballast)!r}, 'wb').write(b'0' * (usage.free - 2_000_000))\n"
            "    return usage\nshutil.disk_usage = disk_usage\n",
            encoding="utf-8",
        )
        finished = run_yolow("train", "--data", data, *SMALL, "--store", store, "--json", cwd=workdir,
                             env={"PYTHONPATH": str(sitecustomize.parent)})  # fmt: skip
        assert finished.code == 2, finished.err
        error = finished.document["error"]
        assert error["message"] == "the disk is full: the version can't be added to the store"
        assert "the run can be resumed" in error["note"]
        assert not list(store.glob("*/v*"))
        assert run_yolow("weights", "list", "--store", store, cwd=workdir).code == 0
        ballast.unlink()
        (run,) = (workdir / "runs").iterdir()
        resumed = run_yolow("train", "--resume", run.name, "--store", store, "--json", cwd=workdir)
        assert resumed.code == 0, resumed.err
        assert resumed.document["version"] == "tiny:v1"
    finally:
        subprocess.run(["umount", str(store)], check=False)
