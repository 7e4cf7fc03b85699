"""Devices and threads: what a run may use, and how torch is told."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path
from typing import Any, Literal

from yolow.errors import EngineError

# Parameters of glibc's mallopt(3), as its malloc.h numbers them.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def available_threads() -> int:
    """CPU cores that this process may use: its affinity, cut by a cgroup quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        cores = os.cpu_count() or 1
    quota = _cgroup_cores()
    return max(1, min(cores, quota) if quota else cores)


def _cgroup_cores() -> int | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))


def resolve_threads(threads: int | Literal["auto"]) -> int:
    """The number of CPU threads that `auto` means here."""
    return available_threads() if threads == "auto" else threads


def set_threads(threads: int) -> None:
    """Tell torch how many threads to use.

    Ultralytics' device selection sets one thread less than there are cores, so this must come after it.
    """
    import torch

    torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next allocation instead of returning it to the system.

    Training on a CPU allocates the same large tensors anew in every step. glibc maps each one from the system and
    unmaps it again, and the system clears every page: a fifth of a training step (measured on two cores). Other
    C libraries have no such call and are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def resolve_device(device: str) -> str:
    """The device that `auto` means here, and proof that a named one exists.

    Returns:
        `cpu`, `mps`, or GPU numbers such as `0` or `0,1`.

    Raises:
        EngineError: the device is not there.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "0" if gpus else "cpu"
    if device == "cpu":
        return device
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise EngineError("the device 'mps' is not there", hint="use --device cpu")
        return device
    wanted = "0" if device == "cuda" else device.removeprefix("cuda:")
    missing = [number for number in wanted.split(",") if int(number) >= gpus]
    if missing:
        raise EngineError(
            f"the device '{device}' is not there",
            context=[f"GPUs that torch sees: {gpus}", f"torch: {torch.__version__}"],
            hint="use --device cpu",
        )
    return wanted


def describe_environment(threads: int, device: str) -> dict[str, Any]:
    """Versions and machine facts for the record; nothing that names the user or the host."""
    import torch

    from yolow import __version__
    from yolow.engine.upstream import version

    return {
        "yolow": __version__,
        "ultralytics": version(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "cpu": _cpu_model(),
        "gpu": torch.cuda.get_device_name(int(device.split(",")[0])) if device[0].isdigit() else None,
        "device": device,
        "threads": threads,
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
