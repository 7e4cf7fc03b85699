"""`yolow predict`: find objects in images and videos."""

from __future__ import annotations

import difflib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from yolow.config.schema import PredictConfig
from yolow.data.sources import Source, is_url, list_sources
from yolow.errors import ConfigError, InputError
from yolow.recipes.output_names import make_output_folder, plan_outputs
from yolow.recipes.session import Session
from yolow.recipes.weights_of import UsableWeights, usable_weights
from yolow.report.prediction_files import CocoJson, Csv, LabelTexts
from yolow.run_report import Artifact, RunReport
from yolow.store.download import download

if TYPE_CHECKING:
    from yolow.engine.prediction import ImagePrediction, TorchPredictor

ImageSink = Callable[[dict[str, Any]], None]
_LISTED_BAD_INPUTS = 100


@dataclass(frozen=True, kw_only=True)
class PredictOutcome:
    """A prediction's report, and the error that it ends with where too many inputs were unreadable."""

    report: RunReport
    error: InputError | None


@dataclass
class _Tally:
    """Running totals; everything else about an image is forgotten once it is written."""

    images: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[dict[str, str]] = field(default_factory=list)
    bad_total: int = 0
    notes: list[str] = field(default_factory=list)

    def add_bad(self, source: str, reason: str) -> None:
        self.bad_total += 1
        if len(self.bad) < _LISTED_BAD_INPUTS:
            self.bad.append({"source": source, "reason": reason})


def predict(
    config: PredictConfig, session: Session, *, sink: ImageSink, dry_run: bool = False
) -> PredictOutcome:
    """Predict every source, telling `sink` of each image as it is done.

    Args:
        sink: gets one document an image: `source`, `width`, `height`, `detections`.

    Raises:
        YolowError: anything wrong with the config, the weights, or an input that is not there at all.
    """
    if not config.sources:
        raise InputError("say what to look at", hint="yolow predict bus.jpg")
    weights = usable_weights(config.weights, session)
    classes = _class_ids(config.classes, weights)
    if session.offline and any(is_url(text) for text in config.sources):
        raise InputError("an input must be fetched, but --offline forbids it", context=list(config.sources))
    with ExitStack() as stack:
        scratch = stack.enter_context(session.scratch()) if any(map(is_url, config.sources)) else None
        sources = [source for text in config.sources for source in _sources(text, session, scratch)]
        if dry_run:
            return PredictOutcome(report=_report(config, weights, _Tally(), sources, 0.0), error=None)
        out = Path(config.out).absolute()
        targets = plan_outputs(sources, out, pictures=config.save)
        if config.save or config.save_json or config.save_csv or config.save_txt:
            make_output_folder(out)
        predictor = _predictor(config, weights, classes, session)
        tally = _Tally()
        started = time.monotonic()
        _predict_all(list(zip(sources, targets, strict=True)), predictor, config, session, sink, tally)
        seconds = time.monotonic() - started
    report = _report(config, weights, tally, sources, seconds)
    return PredictOutcome(report=report, error=_too_many_bad(config, tally))


def _predict_all(
    inputs: list[tuple[Source, Path]],
    predictor: TorchPredictor,
    config: PredictConfig,
    session: Session,
    sink: ImageSink,
    tally: _Tally,
) -> None:
    out = Path(config.out).absolute()
    session.progress.phase("predict", f"{len(inputs)} inputs")
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(writer)) for writer in _writers(config, out)]
        for number, (source, target) in enumerate(inputs, start=1):
            if source.note:
                session.progress.message(source.note)
                tally.notes.append(source.note)
            try:
                for document in _documents(source, predictor, config, target, tally):
                    for writer in writers:
                        writer.add(document, tally.images)
                    del document["output_name"]
                    sink(document)
            except InputError as error:
                tally.add_bad(source.name, error.message)
                session.progress.message(f"{source.name}: {error.message}")
            session.progress.advance(number, len(inputs), source.name)


def _documents(
    source: Source, predictor: TorchPredictor, config: PredictConfig, target: Path, tally: _Tally
) -> Iterator[dict[str, Any]]:
    """One document an image, or a frame of a video; annotated copies are written on the way."""
    from yolow.engine.prediction import VideoWriter, annotate, write_image

    out = Path(config.out).absolute()
    if source.kind == "image":
        prediction = predictor.image(source.path)
        if config.save:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_image(annotate(prediction), target)
        yield _document(source.name, str(target.relative_to(out)), prediction, tally)
        return
    with ExitStack() as stack:
        writer = None
        if config.save:
            target.parent.mkdir(parents=True, exist_ok=True)
            writer = stack.enter_context(
                closing(VideoWriter(target, source=source.path, vid_stride=config.vid_stride))
            )
        for frame, prediction in enumerate(predictor.video(source.path), start=1):
            if writer is not None:
                writer.add(annotate(prediction))
            name = f"{target.relative_to(out).with_suffix('')}_{frame}"
            yield {**_document(source.name, name, prediction, tally), "frame": frame}


def _document(source: str, output_name: str, prediction: ImagePrediction, tally: _Tally) -> dict[str, Any]:
    tally.images += 1
    tally.counts.update(detection.name for detection in prediction.detections)
    detections = []
    for detection in prediction.detections:
        entry = {
            "class_id": detection.class_id,
            "name": detection.name,
            "confidence": round(detection.confidence, 5),
            "box_xyxy": None
            if detection.box_xyxy is None
            else [round(value, 2) for value in detection.box_xyxy],
        }
        for key in ("polygon", "keypoints", "corners"):
            if (points := getattr(detection, key)) is not None:
                entry[key] = [[round(value, 2) for value in point] for point in points]
        detections.append(entry)
    return {
        "source": source,
        "width": prediction.width,
        "height": prediction.height,
        "detections": detections,
        "output_name": output_name,
    }


def _writers(config: PredictConfig, out: Path) -> Iterator[CocoJson | Csv | LabelTexts]:
    if config.save_json:
        yield CocoJson(out / "predictions.json")
    if config.save_csv:
        yield Csv(out / "predictions.csv")
    if config.save_txt:
        yield LabelTexts(out / "labels")


def _sources(text: str, session: Session, scratch: Path | None) -> Iterator[Source]:
    if not is_url(text):
        yield from list_sources(text)
        return
    assert scratch is not None
    name = PurePosixPath(text.partition("?")[0]).name or "input.jpg"
    session.progress.phase("fetch", text)
    folder = scratch / str(sum(1 for _ in scratch.iterdir()))
    folder.mkdir()
    download(text, folder / name, progress=session.progress)
    for source in list_sources(str(folder / name)):
        yield Source(path=source.path, name=text, kind=source.kind)


def _class_ids(classes: tuple[int | str, ...], weights: UsableWeights) -> tuple[int, ...] | None:
    """Class ids of ids and names; None for all.

    Raises:
        ConfigError: a class that the weights do not know; all at once.
    """
    names = weights.checkpoint.names
    ids_by_name = {name.lower(): class_id for class_id, name in names.items()}
    found, mistakes = [], []
    for text in classes:
        class_id = int(text) if str(text).isdigit() else ids_by_name.get(str(text).lower())
        if class_id in names:
            found.append(class_id)
            continue
        near = difflib.get_close_matches(str(text).lower(), ids_by_name, n=1)
        mistakes.append(f"unknown class '{text}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
    if mistakes:
        raise ConfigError(
            "the weights do not know such a class",
            context=[*mistakes, f"weights: {weights.resolved.reference}"],
        )
    return tuple(found) or None


def _predictor(
    config: PredictConfig, weights: UsableWeights, classes: tuple[int, ...] | None, session: Session
) -> TorchPredictor:
    from yolow.engine.hardware import resolve_device, resolve_threads
    from yolow.engine.prediction import PredictorSettings, TorchPredictor

    session.progress.phase("load", weights.resolved.reference)
    settings = PredictorSettings(
        conf=config.conf,
        iou=config.iou,
        imgsz=config.imgsz,
        max_det=config.max_det,
        classes=classes,
        nms_free=config.nms_free,
        device=resolve_device(config.device),
        threads=resolve_threads(config.threads),
        vid_stride=config.vid_stride,
    )
    return TorchPredictor(
        weights.resolved.path, task=weights.task, settings=settings, cache_dir=session.cache_dir
    )


def _report(
    config: PredictConfig, weights: UsableWeights, tally: _Tally, sources: list[Source], seconds: float
) -> RunReport:
    from yolow.engine.prediction import TorchPredictor

    out = Path(config.out).absolute()
    version = weights.resolved.version
    files = [
        ("predictions", out / "predictions.json", config.save_json),
        ("predictions", out / "predictions.csv", config.save_csv),
    ]
    return RunReport(
        command="predict",
        version=version.reference if version else None,
        path=str(weights.resolved.path),
        task=weights.task,
        artifacts=(
            *((Artifact(kind="pictures", path=str(out)),) if config.save and tally.images else ()),
            *(Artifact(kind=kind, path=str(path)) for kind, path, wanted in files if wanted),
        ),
        warnings=(*weights.resolved.notes, *tally.notes),
        details={
            "weights": weights.resolved.reference,
            "sources": len(sources),
            "images_done": tally.images,
            "detections": sum(tally.counts.values()),
            "counts": dict(tally.counts.most_common()),
            "bad_inputs": tally.bad,
            "runtime": TorchPredictor.runtime,
            "images_per_second": round(tally.images / seconds, 2) if seconds else None,
        },
    )


def _too_many_bad(config: PredictConfig, tally: _Tally) -> InputError | None:
    if tally.bad_total <= config.max_bad_inputs:
        return None
    listed = [f"{entry['source']}: {entry['reason']}" for entry in tally.bad[:20]]
    rest = tally.bad_total - len(listed)
    return InputError(
        "an input can't be read" if tally.bad_total == 1 else f"{tally.bad_total} inputs can't be read",
        context=[*listed, *([f"... and {rest} more"] if rest else [])],
        note="all other inputs were predicted",
        hint=f"--max-bad-inputs {tally.bad_total} lets them pass",
    )
