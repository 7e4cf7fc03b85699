"""Processes that are really killed, at every step in which they change something on the disk."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def kills(act: Callable[[], object]) -> Iterator[int]:
    """Run `act` in a process that is killed before its first change of the disk, then before its second, and so on.

    Yields after each kill, with the number of the step; ends when the process came to its end.
    """
    for step in range(1, 1000):
        process = os.fork()
        if process == 0:
            _run(act, step)
        _, status = os.waitpid(process, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "it failed by itself; see its traceback"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield step
    raise AssertionError("it never comes to its end")


def _run(act: Callable[[], object], step: int) -> None:
    left = step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if event in _STEPS or is_write:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
