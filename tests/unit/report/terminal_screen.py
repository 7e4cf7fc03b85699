"""Run a program on a real pseudo-terminal and read what stays on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


@dataclass(frozen=True)
class TerminalRun:
    exit_code: int
    raw: str
    lines: list[str]

    @property
    def cursor_is_visible(self) -> bool:
        return self.raw.rfind("\x1b[?25h") >= self.raw.rfind("\x1b[?25l")


def run_on_terminal(
    code: str, *, interrupt_at: str | None = None, stdout: int | None = None, columns: int = 80, **env: str
) -> TerminalRun:
    """Run Python code with standard error (and output, unless `stdout` is given) on a terminal.

    `interrupt_at` sends SIGINT as soon as that text appears.
    """
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in {"CI", "COLUMNS", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=child if stdout is None else stdout,
        stderr=child,
        env={**clean, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env},
    )
    os.close(child)
    guard = threading.Timer(20, process.kill)
    guard.start()
    raw, interrupted = b"", False
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            break
        if not chunk:
            break
        raw += chunk
        if interrupt_at is not None and not interrupted and interrupt_at.encode() in raw:
            process.send_signal(2)
            interrupted = True
    os.close(parent)
    exit_code = process.wait()
    guard.cancel()
    text = raw.decode()
    return TerminalRun(exit_code, text, screen_lines(text, columns))


def screen_lines(text: str, columns: int) -> list[str]:
    """The lines that a terminal shows in the end (colours left out)."""
    rows, row, column = [""], 0, 0
    for match in _TOKEN.finditer(text):
        argument, command, carriage_return, line_feed, letters = match.groups()
        if carriage_return:
            column = 0
        elif line_feed:
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif letters:
            for letter in letters:
                if column == columns:
                    row, column = row + 1, 0
                    rows += [""] * (row + 1 - len(rows))
                line = rows[row].ljust(column)
                rows[row] = line[:column] + letter + line[column + 1 :]
                column += 1
        elif command == "A":
            row = max(0, row - int(argument or 1))
        elif command == "K":
            rows[row] = "" if argument == "2" else rows[row][:column]
    return [line.rstrip() for line in rows]
