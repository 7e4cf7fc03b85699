"""`yolow train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def train(
    data: options.Data = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Architecture (default: yolo26n.yaml).")
    ] = None,
    name: options.Name = None,
    epochs: options.Epochs = None,
    imgsz: options.Imgsz = None,
    batch: options.Batch = None,
    patience: options.Patience = None,
    optimizer: options.Optimizer = None,
    device: options.Device = None,
    threads: options.Threads = None,
    seed: options.Seed = None,
    gate: options.Gate = None,
    resume: options.Resume = None,
    allow_code: options.AllowCode = False,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    runs: options.RunsFolder = None,
    offline: options.Offline = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Learn from random weights, and publish the result as a version.

    Example: yolow train --model yolo26n.yaml --data solar.yaml
    """
    general = options.General(
        json=json, quiet=quiet, store=store, runs=runs, offline=offline, debug=debug, allow_code=allow_code
    )

    def recipe(session: Session) -> RunReport:
        from yolow.config.load import load_config
        from yolow.config.schema import TrainConfig

        flags = {
            "data": data,
            "model": model,
            "name": name,
            "epochs": epochs,
            "imgsz": imgsz,
            "batch": batch,
            "patience": patience,
            "optimizer": optimizer,
            "device": device,
            "threads": options.number_or_word(threads),
            "seed": seed,
            "gate": gate,
        }
        if resume is not None:
            return options.resume_run(resume, session, flags, config, settings)
        loaded = load_config(TrainConfig, command="train", file=config, settings=settings or (), flags=flags)
        from yolow.recipes import train as training

        return training.train(loaded, session, dry_run=dry_run)

    execute("train", general, recipe)
