"""`yolow finetune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def finetune(
    data: options.Data = None,
    weights: Annotated[
        str | None, typer.Option("--weights", "-w", help="What to start from (default: yolo26n.pt).")
    ] = None,
    name: options.Name = None,
    epochs: options.Epochs = None,
    imgsz: options.Imgsz = None,
    batch: options.Batch = None,
    freeze: Annotated[
        str | None,
        typer.Option("--freeze", help="none, backbone, or the number of first layers to freeze."),
    ] = None,
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
    """Adapt learned weights to new data, and publish the result as a version.

    Example: yolow finetune --data solar.yaml
    """
    general = options.General(
        json=json, quiet=quiet, store=store, runs=runs, offline=offline, debug=debug, allow_code=allow_code
    )

    def recipe(session: Session) -> RunReport:
        from yolow.config.load import load_config
        from yolow.config.schema import FinetuneConfig

        flags = {
            "data": data,
            "weights": weights,
            "name": name,
            "epochs": epochs,
            "imgsz": imgsz,
            "batch": batch,
            "freeze": options.number_or_word(freeze),
            "patience": patience,
            "optimizer": optimizer,
            "device": device,
            "threads": options.number_or_word(threads),
            "seed": seed,
            "gate": gate,
        }
        if resume is not None:
            return options.resume_run(resume, session, flags, config, settings)
        loaded = load_config(
            FinetuneConfig, command="finetune", file=config, settings=settings or (), flags=flags
        )
        from yolow.recipes import finetune as finetuning

        return finetuning.finetune(loaded, session, dry_run=dry_run)

    execute("finetune", general, recipe)
