"""Errors that a user can act on: what happened, where, and what to do.

Every failure that yolow foresees is a `YolowError`. It carries the four parts that a person needs, and the
exit code that a script needs. Nothing else may reach a user: the command line turns any other exception into
an `InternalError` without a traceback (`--debug` shows it).
"""

from __future__ import annotations


class YolowError(Exception):
    """A foreseen failure, in four parts.

    Args:
        message: what happened, one lower-case sentence without a full stop.
        context: where or with what, one fact a line: paths, values, `file:line:column` places.
        note: background that helps to understand, if needed.
        hint: what to do next, with a command that can be pasted.
    """

    kind: str = "error"
    exit_code: int = 2

    def __init__(
        self,
        message: str,
        *,
        context: tuple[str, ...] | list[str] = (),
        note: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.context = tuple(context)
        self.note = note
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all parts, so that an error crosses a process border whole."""
        return _rebuild, (type(self), self.message, self.context, self.note, self.hint)


def _rebuild(
    cls: type[YolowError], message: str, context: tuple[str, ...], note: str | None, hint: str | None
) -> YolowError:
    return cls(message, context=context, note=note, hint=hint)


class UsageError(YolowError):
    """The command line itself is wrong: an unknown command or flag, a missing argument."""

    kind = "usage"


class ConfigError(YolowError):
    """A run config, a flag or a `--set` is wrong; context has one `file:line:column: …` line a mistake."""

    kind = "config"


class DataError(YolowError):
    """A data set is missing or faulty; context has one line a fault."""

    kind = "data"


class MissingImagesError(DataError):
    """Images are missing that the data set's own download script could fetch; it was not run."""


class WeightsNotFoundError(YolowError):
    """A reference names no weights that could be found."""

    kind = "not-found"


class WeightsError(YolowError):
    """Weights can't be used: truncated, not a checkpoint, or of the wrong task."""

    kind = "weights"


class WeightsRefusedError(YolowError):
    """Weights name code that no checkpoint has a business with: the answer is no."""

    kind = "refused"
    exit_code = 1


class IntegrityError(YolowError):
    """Bytes differ from the digest that a record holds: the answer is no."""

    kind = "integrity"
    exit_code = 1


class ConflictError(YolowError):
    """Something else holds the place that was asked for, or was faster: the answer is no."""

    kind = "conflict"
    exit_code = 1


class MissingExtraError(YolowError):
    """An optional part of yolow is needed and not installed; the hint names the extra."""

    kind = "missing-extra"


class StoreError(YolowError):
    """The store can't be read or written."""

    kind = "store"


class NetworkError(YolowError):
    """Something must be fetched and can't be: offline, or the request failed."""

    kind = "network"


class InputError(YolowError):
    """Images or other inputs of a prediction are missing or unreadable."""

    kind = "input"


class ResourceError(YolowError):
    """Memory or disk ran out, or would."""

    kind = "resource"


class EngineError(YolowError):
    """Training, validation or prediction failed inside the engine."""

    kind = "engine"


class RunError(YolowError):
    """A run can't be resumed or found."""

    kind = "run"


class InterruptedRunError(YolowError):
    """Ctrl-C or SIGTERM ended a run that can be resumed."""

    kind = "interrupted"
    exit_code = 130


class InternalError(YolowError):
    """A failure that yolow did not foresee."""

    kind = "internal"
