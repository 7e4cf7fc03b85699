"""What a run may use of the machine, and how torch and the C library are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from yolow.engine.hardware import available_threads, resolve_device, resolve_threads
from yolow.errors import EngineError

_FAULTS = """
import resource, sys, torch
from yolow.engine.hardware import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(3):
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_auto_threads_are_the_cores_that_the_process_may_use() -> None:
    assert resolve_threads("auto") == available_threads() >= 1
    assert resolve_threads(3) == 3
    if hasattr(os, "sched_getaffinity"):
        assert available_threads() <= len(os.sched_getaffinity(0))


def test_a_device_that_is_not_there_is_refused() -> None:
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(EngineError) as caught:
        resolve_device("99")
    assert caught.value.message == "the device '99' is not there"
    assert caught.value.hint == "use --device cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults of glibc's allocator")
def test_freed_memory_is_used_again(tmp_path: Path) -> None:
    def faults(mode: str) -> int:
        process = subprocess.run(
            [sys.executable, "-c", _FAULTS, mode], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(process.stdout)

    # The system may reclaim kept pages of its own accord, so the best of three counts; without the call all are alike.
    assert min(faults("keep") for _ in range(3)) * 2 < faults("return")
