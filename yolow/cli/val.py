"""`yolow val`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolow.cli import options
from yolow.cli.execute import execute

if TYPE_CHECKING:
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport


def val(
    weights: Annotated[
        str | None,
        typer.Argument(metavar="REF", help="Which weights (default: yolo26n.pt).", show_default=False),
    ] = None,
    data: options.Data = None,
    split: Annotated[str | None, typer.Option("--split", help="train, val or test.")] = None,
    imgsz: options.Imgsz = None,
    batch: options.Batch = None,
    conf: Annotated[float | None, typer.Option("--conf", help="Lowest confidence that counts.")] = None,
    iou: Annotated[float | None, typer.Option("--iou", help="NMS overlap, 0 to 1.")] = None,
    nms_free: Annotated[
        bool | None,
        typer.Option("--nms-free", help="Use YOLO26's head that needs no NMS.", show_default=False),
    ] = None,
    plots: Annotated[
        bool | None, typer.Option("--plots", help="Draw curves and the confusion matrix.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder for plots.")] = None,
    device: options.Device = None,
    threads: options.Threads = None,
    gate: options.Gate = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Measure weights on a split of a data set.

    Example: yolow val solar:v1 --data solar.yaml
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)

    def recipe(session: Session) -> RunReport:
        from yolow.config.load import load_config
        from yolow.config.schema import ValConfig

        flags = {
            "weights": weights,
            "data": data,
            "split": split,
            "imgsz": imgsz,
            "batch": batch,
            "conf": conf,
            "iou": iou,
            "nms_free": nms_free,
            "plots": plots,
            "out": out,
            "device": device,
            "threads": options.number_or_word(threads),
            "gate": gate,
        }
        loaded = load_config(ValConfig, command="val", file=config, settings=settings or (), flags=flags)
        from yolow.recipes import val as validation

        return validation.val(loaded, session, dry_run=dry_run)

    execute("val", general, recipe)
