"""Flags that several commands share, each declared once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

_GENERAL = "For every command"
_RUN = "Run config"

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="YAML run config to read.", rich_help_panel=_RUN)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set one key of the run config. Repeatable.", rich_help_panel=_RUN
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_GENERAL)]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no report.", rich_help_panel=_GENERAL)
]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store", envvar="YOLOW_STORE", help="Weights store (default: weights/).", rich_help_panel=_GENERAL
    ),
]
RunsFolder = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        envvar="YOLOW_RUNS",
        help="Folder of training runs (default: runs/).",
        rich_help_panel=_GENERAL,
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.", rich_help_panel=_GENERAL)]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything, show the plan, and stop.", rich_help_panel=_GENERAL),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks of failures.", rich_help_panel=_GENERAL)
]

Data = Annotated[str | None, typer.Option("--data", help="Data-set YAML, or a folder of class folders.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the version (default: the data's name).")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")]
Imgsz = Annotated[int | None, typer.Option("--imgsz", help="Image size in pixels, a multiple of 32.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Images a step.")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, mps, or GPU numbers such as 0,1.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of weights, data order and augmentation.")]
Threads = Annotated[str | None, typer.Option("--threads", help="CPU threads, or auto for all cores.")]
Patience = Annotated[
    int | None, typer.Option("--patience", help="Epochs without improvement before stopping; 0: never.")
]
Optimizer = Annotated[str | None, typer.Option("--optimizer", help="auto, SGD, MuSGD, AdamW, ….")]
Gate = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="LIMIT", help="A limit to meet, such as 'map50_95 >= 0.40'. Repeatable."),
]
Resume = Annotated[str | None, typer.Option("--resume", metavar="RUN", help="Go on with an interrupted run.")]
Page = Annotated[
    int | None, typer.Option("--page", help="Page of 50, from 1 (default: all, on a terminal the first).")
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Run the download script that a data set carries.")
]


@dataclass(frozen=True, kw_only=True)
class General:
    """The flags that every command has."""

    json: bool = False
    quiet: bool = False
    store: Path | None = None
    runs: Path | None = None
    offline: bool = False
    debug: bool = False
    allow_code: bool = False


def number_or_word(text: str | None) -> int | str | None:
    """A flag that takes a number or a word, as the run config wants it."""
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,9}", text) else text


def resume_run(
    run: str, session: Session, flags: Mapping[str, Any], config: Path | None, settings: list[str] | None
) -> RunReport:
    """`--resume RUN`: the run's own config holds, so nothing else may be said.

    Raises:
        UsageError: another setting stands beside `--resume`.
    """
    from yolow.errors import UsageError
    from yolow.recipes.resume import resume

    beside = [f"--{key.replace('_', '-')}" for key, value in flags.items() if value is not None]
    beside += ["--config"] if config else []
    beside += ["--set"] if settings else []
    if beside:
        raise UsageError(
            "a resumed run keeps its own config",
            context=[f"can't stand beside --resume: {', '.join(beside)}"],
            hint=f"give only --resume {run}",
        )
    return resume(run, session)
