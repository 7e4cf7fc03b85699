"""The one door to Ultralytics: prepare the process, import it, and translate its errors.

Importing Ultralytics writes a settings file, looks up the network, and may later install packages, send analytics,
fetch a font or unpickle whatever a file says. All of that is decided by environment variables and settings that are
read at import. So nothing else imports it, and this module sets them first. Each fact relied on has a contract test.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from yolow.errors import EngineError, ResourceError, YolowError

# Fonts that Ultralytics downloads before drawing unless they lie in its configuration folder.
_FONTS = ("Arial.ttf", "Arial.Unicode.ttf")
# Trackers and analytics that it switches on by itself where their packages happen to be installed.
QUIET_SETTINGS = (
    "sync",
    "clearml",
    "comet",
    "dvc",
    "mlflow",
    "raytune",
    "tensorboard",
    "wandb",
    "vscode_msg",
    "openvino_msg",
)
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed", "not enough memory")


def load(cache_dir: Path) -> Any:
    """Import Ultralytics in a private, offline, quiet configuration and return the package.

    Args:
        cache_dir: yolow's cache; Ultralytics' settings and fonts live in a folder of their own below it.

    Raises:
        EngineError: Ultralytics or torch can't be imported.
    """
    if "ultralytics" in sys.modules:
        return sys.modules["ultralytics"]
    private = _private_folder(cache_dir)
    _set_environment(private)
    try:
        with FileLock(private / ".lock"):  # two first starts must not write the settings file at once
            _place_fonts(private / "Ultralytics")
            with contextlib.redirect_stdout(sys.stderr):
                import ultralytics
                from ultralytics import utils
            wanted = dict.fromkeys(QUIET_SETTINGS, False) | {
                key: str(private / key) for key in ("datasets_dir", "weights_dir", "runs_dir")
            }
            if any(utils.SETTINGS.get(key) != value for key, value in wanted.items()):
                utils.SETTINGS.update(wanted)
    except ImportError as error:
        raise EngineError(
            "the engine can't be imported",
            context=[str(error)],
            hint="pip install 'yolow' in a fresh environment",
        ) from error
    utils.LOGGER.setLevel(logging.ERROR)
    for handler in utils.LOGGER.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    return ultralytics


def version() -> str:
    """The installed Ultralytics version, without importing it."""
    return importlib.metadata.version("ultralytics")


def _private_folder(cache_dir: Path) -> Path:
    # One folder a version: upstream rewrites settings that another version wrote.
    folder = cache_dir / f"ultralytics-{version()}"
    try:
        (folder / "Ultralytics").mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    folder = Path(tempfile.gettempdir()) / f"yolow-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    (folder / "Ultralytics").mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _set_environment(private: Path) -> None:
    os.environ.update(
        YOLO_CONFIG_DIR=str(private),
        YOLO_OFFLINE="1",
        YOLO_AUTOINSTALL="False",
        YOLO_VERBOSE="False",
        ULTRALYTICS_SAFE_LOAD="1",
        NO_ALBUMENTATIONS_UPDATE="1",
        MPLBACKEND="Agg",
    )
    os.environ.setdefault("MPLCONFIGDIR", str(private / "matplotlib"))
    # Without it CUDA's cuBLAS warns that deterministic training is not deterministic.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def _place_fonts(folder: Path) -> None:
    """Put matplotlib's DejaVu Sans where Ultralytics looks for Arial before it downloads it."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return
    source = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in _FONTS:
        if source.exists() and not (folder / name).exists():
            temporary = folder / f".{name}.{os.getpid()}"
            shutil.copyfile(source, temporary)
            temporary.replace(folder / name)


@contextlib.contextmanager
def border(doing: str, *, hint_out_of_memory: str = "") -> Iterator[None]:
    """Run engine code so that nothing reaches stdout and every failure leaves as a `YolowError`.

    Args:
        doing: what is going on, for the message: `training`, `validation`, ….
        hint_out_of_memory: what to try when memory runs out.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except YolowError:
        raise
    except MemoryError as error:
        raise _out_of_memory(doing, "not enough memory", hint_out_of_memory) from error
    except OSError as error:
        if error.errno == 28:
            raise ResourceError(
                f"the disk is full while {doing}",
                context=[str(error.filename or error.strerror)],
                hint="free some space, then run the same command again",
            ) from error
        raise EngineError(f"{doing} failed", context=[_first_line(error)]) from error
    except Exception as error:
        text = str(error)
        if any(sign in text.lower() for sign in _OUT_OF_MEMORY):
            raise _out_of_memory(doing, _first_line(error), hint_out_of_memory) from error
        raise EngineError(
            f"{doing} failed", context=[_first_line(error)], hint="add --debug for the traceback"
        ) from error


def _out_of_memory(doing: str, reason: str, hint: str) -> ResourceError:
    return ResourceError(f"out of memory while {doing}", context=[reason], hint=hint or None)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
