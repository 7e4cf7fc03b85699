"""`yolow predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolow.cli import options
from yolow.cli.execute import attempt, finish

if TYPE_CHECKING:
    from yolow.errors import YolowError
    from yolow.recipes.session import Session
    from yolow.run_report import RunReport

_FILES = "Files to write"


def predict(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Images, folders, globs, videos or URLs.", show_default=False),
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", "-w", help="Which weights (default: yolo26n.pt).")
    ] = None,
    conf: Annotated[float | None, typer.Option("--conf", help="Lowest confidence, 0 to 1.")] = None,
    iou: Annotated[float | None, typer.Option("--iou", help="NMS overlap, 0 to 1.")] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", help="Only these class ids or names, separated by commas.")
    ] = None,
    imgsz: options.Imgsz = None,
    nms_free: Annotated[
        bool | None,
        typer.Option("--nms-free", help="Use YOLO26's head that needs no NMS.", show_default=False),
    ] = None,
    vid_stride: Annotated[
        int | None, typer.Option("--vid-stride", help="Every Nth frame of a video.")
    ] = None,
    max_bad_inputs: Annotated[
        int | None, typer.Option("--max-bad-inputs", help="How many unreadable inputs still exit with 0.")
    ] = None,
    device: options.Device = None,
    threads: options.Threads = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Folder to write to.", rich_help_panel=_FILES)
    ] = None,
    save: Annotated[
        bool | None, typer.Option("--save/--no-save", help="Annotated pictures.", rich_help_panel=_FILES)
    ] = None,
    save_json: Annotated[
        bool | None,
        typer.Option("--save-json", help="predictions.json, COCO style.", rich_help_panel=_FILES),
    ] = None,
    save_csv: Annotated[
        bool | None, typer.Option("--save-csv", help="predictions.csv.", rich_help_panel=_FILES)
    ] = None,
    save_txt: Annotated[
        bool | None, typer.Option("--save-txt", help="labels/*.txt, YOLO style.", rich_help_panel=_FILES)
    ] = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    store: options.StoreFolder = None,
    offline: options.Offline = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> None:
    """Find objects in images and videos.

    Example: yolow predict bus.jpg
    """
    general = options.General(json=json, quiet=quiet, store=store, offline=offline, debug=debug)
    flags = {
        "sources": sources or None,
        "weights": weights,
        "conf": conf,
        "iou": iou,
        "classes": None
        if classes is None
        else [options.number_or_word(part.strip()) for part in classes.split(",")],
        "imgsz": imgsz,
        "nms_free": nms_free,
        "vid_stride": vid_stride,
        "max_bad_inputs": max_bad_inputs,
        "device": device,
        "threads": options.number_or_word(threads),
        "out": out,
        "save": save,
        "save_json": save_json,
        "save_csv": save_csv,
        "save_txt": save_txt,
    }
    _run(general, flags, config, settings, dry_run)


def _run(general: options.General, flags: dict[str, Any], config: Any, settings: Any, dry_run: bool) -> None:
    """As `execute`, but images are shown as they come, so that thousands need no memory."""
    from yolow.report.console import stdout_console, stdout_stream
    from yolow.report.documents import JsonStream
    from yolow.report.terminal import render_image_line, render_report

    stream = JsonStream(stdout_stream()) if general.json else None
    console = None if general.json or general.quiet else stdout_console()
    unreadable: list[YolowError] = []

    def show(image: dict[str, Any]) -> None:
        if stream is not None:
            if not stream.started:
                stream.start()
            stream.image(image)
        elif console is not None:
            render_image_line(console, image)

    def recipe(session: Session) -> RunReport:
        from yolow.config.load import load_config
        from yolow.config.schema import PredictConfig

        loaded = load_config(
            PredictConfig, command="predict", file=config, settings=settings or (), flags=flags
        )
        from yolow.recipes import predict as predicting

        outcome = predicting.predict(loaded, session, sink=show, dry_run=dry_run)
        if outcome.error is not None:
            unreadable.append(outcome.error)
        return outcome.report

    report, error = attempt("predict", general, recipe)
    error = error or (unreadable[0] if unreadable else None)
    if stream is not None:
        stream.finish(report, error)
    elif console is not None and (error is None or unreadable):
        render_report(report, console)
    raise typer.Exit(finish(report, error, general))
