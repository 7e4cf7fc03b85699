"""Every file of the hostile corpus is refused, and nothing in it runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import WeightsError, WeightsRefusedError

from . import pickles
from .corpus import HostileFile, build_corpus, corpus_names

# Loads each file as an unwary program would and reports which ones left the canary. Names of torch and Ultralytics
# become empty classes, so that the test needs neither.
_UNWARY = """
import io, json, pathlib, pickle, sys, time, zipfile
class Unwary(pickle.Unpickler):
    def find_class(self, module, name):
        if module.split(".")[0] in ("torch", "ultralytics"):
            return type(name, (), {"__init__": lambda self, *arguments: None})
        return super().find_class(module, name)
    def persistent_load(self, identity):
        return identity
canary, *files = map(pathlib.Path, sys.argv[1:])
fired = []
for path in files:
    canary.unlink(missing_ok=True)
    try:
        Unwary(io.BytesIO(zipfile.ZipFile(path).read("archive/data.pkl"))).load()
    except Exception:
        pass
    for _ in range(100):
        if canary.exists() or path.stem not in ("newobj",):
            break
        time.sleep(0.02)
    if canary.exists():
        fired.append(path.stem)
print("fired " + json.dumps(fired))
"""

_PEAK = """
import json, pathlib, re, sys, time
from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import YolowError
start = time.monotonic()
try:
    read_checkpoint(pathlib.Path(sys.argv[1]))
except YolowError as error:
    kind = error.kind
else:
    kind = "read"
status = pathlib.Path("/proc/self/status").read_text()  # getrusage would count the parent's peak
peak_mb = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024
print(json.dumps([kind, time.monotonic() - start, peak_mb]))
"""


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="measures memory through /proc"
)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "ran"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, canary: Path) -> dict[str, HostileFile]:
    return {file.name: file for file in build_corpus(tmp_path_factory.mktemp("corpus"), canary)}


@pytest.mark.parametrize("name", corpus_names())
def test_hostile_file_is_refused_and_nothing_runs(
    name: str, corpus: dict[str, HostileFile], canary: Path
) -> None:
    hostile = corpus[name]
    canary.unlink(missing_ok=True)
    start = time.monotonic()
    with pytest.raises((WeightsError, WeightsRefusedError)) as caught:
        read_checkpoint(hostile.path)
    assert time.monotonic() - start < 5
    assert not canary.exists()
    error = caught.value
    assert (type(error), error.exit_code) == {
        "refused": (WeightsRefusedError, 1),
        "broken": (WeightsError, 2),
    }[hostile.outcome]
    said = [error.message, *error.context]
    assert any(hostile.finding in line for line in said), said
    assert str(hostile.path) in error.context
    assert all(line.isprintable() for line in said)
    assert "safe" not in f"{said} {error.note} {error.hint}"


def test_payloads_are_live(corpus: dict[str, HostileFile], canary: Path) -> None:
    """An ordinary unpickler runs them: so a missing canary above means that ours did not."""
    live = [file for file in corpus.values() if file.fires]
    done = subprocess.run(
        [sys.executable, "-c", _UNWARY, str(canary), *(str(file.path) for file in live)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    canary.unlink(missing_ok=True)
    fired = json.loads(done.stdout.rpartition("fired ")[2])
    assert fired == [file.name for file in live], done.stderr


def test_the_same_layout_without_a_lie_is_read(tmp_path: Path) -> None:
    """What the corpus changes is the only thing wrong with its files."""
    summary = read_checkpoint(pickles.write(tmp_path / "good.pt", pickles.checkpoint()))
    assert (summary.task, summary.architecture, summary.names) == ("detect", "yolo26n", {0: "panel"})
    assert (summary.parameters, summary.dtypes, summary.layers) == (4, {"float32": 4}, 1)


def test_deflated_archive_is_read(tmp_path: Path) -> None:
    """Repacking with `zip` compresses; that is no lie."""
    path = pickles.write(tmp_path / "zipped.pt", pickles.checkpoint(), compression=8)
    assert read_checkpoint(path).parameters == 4


@needs_proc
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"\x80\x02" + b")" + b"\x85" * 1_900_000 + b".", id="nested tuples"),
        pytest.param(b"\x80\x02" + b"]" * 900_000 + b"a" * 899_999 + b".", id="nested lists"),
        pytest.param(b"\x80\x02" + b"(" * 1_900_000, id="marks"),
        pytest.param(b"\x80\x04" + b"}\x94" * 990_000 + b".", id="memo"),
        pytest.param(
            b"\x80\x02ctorch\nSize\nq\x00" + b"h\x00" * 600_000 + b")" + b"R\x85" * 600_000 + b".",
            id="nested calls",
        ),
        pytest.param(b"\x80\x02" + pickles.text("\U0001f600" + "x" * 16_000_000) + b".", id="wide text"),
    ],
)
def test_memory_and_time_stay_bounded(stream: bytes, tmp_path: Path) -> None:
    _assert_bounded(pickles.write(tmp_path / "deep.pt", stream))


@needs_proc
@pytest.mark.parametrize(
    "name", ["bomb", "bomb-in-disguise", "billion-laughs", "endless-text", "many-operations"]
)
def test_bombs_stay_small(name: str, corpus: dict[str, HostileFile]) -> None:
    _assert_bounded(corpus[name].path)


def _assert_bounded(path: Path) -> None:
    """A fresh process finds the file broken in under 5 s and 300 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    kind, seconds, peak_mb = json.loads(done.stdout)
    assert kind == "weights"
    assert seconds < 5
    assert peak_mb < 300
