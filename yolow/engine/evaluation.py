"""Measure weights: quality on a split (`evaluate`) and cost (`profile`)."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.engine import upstream
from yolow.engine.hardware import set_threads
from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.progress import Progress

# Which of upstream's metric groups a task is judged by; segment and pose have that of their boxes too.
_GEOMETRY = {"detect": "box", "obb": "box", "segment": "seg", "pose": "pose"}
_LATENCY_RUNS = 20


@dataclass(frozen=True, kw_only=True)
class EvaluationJob:
    """Which weights to measure on which images.

    Attributes:
        weights: a weights file.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        data: the private view's data YAML or class folder.
        split: `train`, `val` or `test`.
        imgsz: square size in pixels.
        batch: images a step.
        device: as `hardware.resolve_device` returns it.
        threads: CPU threads for torch.
        conf: lowest confidence that counts; None: upstream's default for the task.
        iou: NMS overlap.
        nms_free: use the one-to-one head.
        plots: folder for curves and the confusion matrix, or None.
        scratch: folder for upstream's own output.
        cache_dir: yolow's cache.
    """

    weights: Path
    task: str
    data: Path
    split: str = "val"
    imgsz: int = 640
    batch: int = 16
    device: str = "cpu"
    threads: int = 1
    conf: float | None = None
    iou: float = 0.7
    nms_free: bool = False
    plots: Path | None = None
    scratch: Path
    cache_dir: Path


def evaluate(job: EvaluationJob, *, progress: Progress) -> Metrics:
    """Run the weights over a split and compute its metrics with Ultralytics' validator."""
    ultralytics = upstream.load(job.cache_dir)
    seen: list[int] = []
    hint = f"use --batch {max(1, job.batch // 2)}, or a smaller --imgsz"
    with upstream.border("validation", hint_out_of_memory=hint):
        model = ultralytics.YOLO(str(job.weights), task=job.task)
        model.add_callback("on_val_start", lambda _validator: set_threads(job.threads))
        model.add_callback(
            "on_val_batch_end",
            lambda validator: progress.advance(validator.batch_i + 1, len(validator.dataloader)),
        )
        model.add_callback("on_val_end", lambda validator: seen.append(len(validator.dataloader.dataset)))
        result = model.val(
            data=str(job.data),
            split=job.split,
            imgsz=job.imgsz,
            batch=job.batch,
            device=job.device,
            conf=job.conf,
            iou=job.iou,
            nms=False if job.nms_free else None,
            plots=job.plots is not None,
            save_dir=str(job.plots or job.scratch),
            exist_ok=True,
            verbose=False,
            workers=0,
        )
    return _metrics(result, task=job.task, split=job.split, images=seen[-1])


def _metrics(result: Any, *, task: str, split: str, images: int) -> Metrics:
    if task == "classify":
        return Metrics(
            split=split, images=images, top1=float(result.top1), top5=float(result.top5), main="top1"
        )
    geometry = getattr(result, _GEOMETRY[task])
    return Metrics(
        split=split,
        images=images,
        precision=float(geometry.mp),
        recall=float(geometry.mr),
        map50=float(geometry.map50),
        map50_95=float(geometry.map),
        box_map50_95=float(result.box.map) if task in {"segment", "pose"} else None,
        per_class=tuple(
            _class_metrics(result, geometry, position, int(class_id))
            for position, class_id in enumerate(geometry.ap_class_index)
        ),
    )


def _class_metrics(result: Any, geometry: Any, position: int, class_id: int) -> ClassMetrics:
    precision, recall, map50, map50_95 = (float(value) for value in geometry.class_result(position))
    return ClassMetrics(
        class_id=class_id,
        name=result.names[class_id],
        images=int(result.nt_per_image[class_id]),
        instances=int(result.nt_per_class[class_id]),
        precision=precision,
        recall=recall,
        map50=map50,
        map50_95=map50_95,
    )


def profile(weights: Path, *, task: str, imgsz: int, device: str, threads: int, cache_dir: Path) -> Profile:
    """Count parameters and operations, and time the network alone on one random image.

    The latency is that of the fused network (convolution and batch norm merged, one head), as prediction runs
    it: the median of 20 runs after 3 warm-up runs.
    """
    ultralytics = upstream.load(cache_dir)
    with upstream.border("profiling"):
        import torch
        from ultralytics.utils.torch_utils import get_flops

        network = ultralytics.YOLO(str(weights), task=task).model.float().eval()
        parameters = sum(parameter.numel() for parameter in network.parameters())
        place = torch.device(f"cuda:{device.split(',')[0]}" if device[0].isdigit() else device)
        network = network.fuse().to(place)
        set_threads(threads)
        gflops = float(get_flops(network, imgsz))
        channels = next(network.parameters()).shape[1]
        image = torch.rand(1, channels, imgsz, imgsz, generator=torch.Generator().manual_seed(0)).to(place)
        times = []
        with torch.inference_mode():
            for run in range(_LATENCY_RUNS + 3):
                started = time.perf_counter()
                network(image)
                if place.type == "cuda":
                    torch.cuda.synchronize(place)
                if run >= 3:
                    times.append((time.perf_counter() - started) * 1e3)
    return Profile(
        parameters=parameters,
        gflops=gflops or None,
        size_bytes=weights.stat().st_size,
        latency_ms=statistics.median(times),
        imgsz=imgsz,
        threads=threads if place.type == "cpu" else None,
        device=str(place),
    )
