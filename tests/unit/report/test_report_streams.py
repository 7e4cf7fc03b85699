"""Standard output as a shell gives it: closed, full, without a reader, without Unicode."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture

from yolow.errors import ResourceError
from yolow.report.console import stdout_console
from yolow.report.streams import OutputStream

PRINT_MUCH = """
import sys
from yolow.report.console import print_line, stdout_console
console = stdout_console()
for number in range(20_000):
    print_line(console, f"line {number} größe")
print("went on", file=sys.stderr)
"""

JSON_MUCH = """
import sys
from yolow.report.console import stdout_stream
from yolow.report.documents import JsonStream
from yolow.run_report import RunReport
stream = JsonStream(stdout_stream())
for number in range(20_000):
    stream.image({"source": str(number)})
stream.finish(RunReport(command="predict"))
print("went on", file=sys.stderr)
"""


def run(code: str, redirection: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {redirection}', sys.executable, code]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=30
    )


@pytest.mark.parametrize("code", [PRINT_MUCH, JSON_MUCH])
def test_a_reader_that_leaves_ends_the_output_and_not_the_work(code: str) -> None:
    done = run(code, "| head -n 1")
    assert (done.returncode, done.stderr) == (0, "went on\n")


@pytest.mark.parametrize("code", [PRINT_MUCH, JSON_MUCH])
def test_standard_output_may_be_closed(code: str) -> None:
    done = run(code, ">&-")
    assert (done.returncode, done.stderr) == (0, "went on\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("code", [PRINT_MUCH, JSON_MUCH])
def test_a_full_disk_is_an_error_in_our_words(code: str) -> None:
    done = run(code, ">/dev/full")
    assert done.stderr.splitlines()[-1] == "yolow.errors.ResourceError: standard output can't be written"
    assert done.returncode == 1


def test_letters_that_the_encoding_lacks_are_replaced() -> None:
    done = run(PRINT_MUCH.replace("20_000", "1"), "", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stdout) == (0, "line 0 gr??e\n")


def test_full_disk_has_the_reason() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    full = Full()
    with pytest.raises(ResourceError) as caught:
        OutputStream(lambda: full, label="predictions").write("x")
    assert (caught.value.message, caught.value.context) == (
        "predictions can't be written",
        ("No space left on device",),
    )
    OutputStream(lambda: full, label=None).write("x")


@pytest.mark.parametrize(("columns", "width"), [("", 80), ("132", 132), ("0", 80), ("wide", 80)])
def test_width_without_a_terminal(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert stdout_console().width == width
