"""Standard streams that a report can always be written to."""

from __future__ import annotations

import codecs
import errno
import os
from collections.abc import Callable
from typing import TextIO

from yolow.errors import ResourceError


class OutputStream:
    """A text stream that survives its reader, its encoding and its absence.

    - A reader that has gone (`yolow weights list | head`) ends the output, not the work.
    - Characters that the encoding lacks become `?`.
    - A stream that was closed before the start (`>&-`) takes everything and keeps nothing.

    Args:
        find: gives the stream at the moment of writing, so that a live display may stand in for it.
        label: what to call the stream in an error; None: output that nobody needs, whose failures are ignored.
    """

    def __init__(self, find: Callable[[], TextIO | None], *, label: str | None = "output") -> None:
        self._find = find
        self._label = label
        self._gone = False

    @property
    def encoding(self) -> str:
        return getattr(self._find(), "encoding", None) or "utf-8"

    @property
    def is_unicode(self) -> bool:
        """Whether every character can be written as it is."""
        try:
            return codecs.lookup(self.encoding).name.startswith("utf-")
        except LookupError:
            return False

    def isatty(self) -> bool:
        stream = self._find()
        return stream is not None and not stream.closed and stream.isatty()

    def fileno(self) -> int:
        stream = self._find()
        if stream is None:
            raise OSError(errno.EBADF, "the stream is closed")
        return stream.fileno()

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            ResourceError: the disk is full, or the device failed.
        """
        stream = self._find()
        if stream is None or stream.closed or self._gone:
            return len(text)
        try:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
        except OSError as error:
            self._lose(stream, error)
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered.

        Raises:
            ResourceError: the disk is full, or the device failed.
        """
        stream = self._find()
        if stream is None or stream.closed or self._gone:
            return
        try:
            stream.flush()
        except OSError as error:
            self._lose(stream, error)

    def _lose(self, stream: TextIO, error: OSError) -> None:
        self._gone = True
        _send_to_nowhere(stream)
        if self._label is not None and error.errno not in {errno.EPIPE, errno.EBADF, errno.EIO}:
            raise ResourceError(
                f"{self._label} can't be written", context=[error.strerror or str(error)]
            ) from None


def _send_to_nowhere(stream: TextIO) -> None:
    """Point the stream at the null device: Python flushes it once more at exit and would complain."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
