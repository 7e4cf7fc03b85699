"""Find objects in images and videos with weights that torch runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.engine import upstream
from yolow.engine.hardware import set_threads
from yolow.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One found object.

    Attributes:
        class_id: index in the network's class list.
        name: its name.
        confidence: in [0, 1].
        box_xyxy: left, top, right, bottom in pixels of the input image; None for classify.
        polygon: segment: outline as (x, y) points in pixels.
        keypoints: pose: (x, y, visibility in [0, 1]) in pixels.
        corners: obb: the four corners as (x, y) in pixels; `box_xyxy` is then their upright bounds.
    """

    class_id: int
    name: str
    confidence: float
    box_xyxy: tuple[float, float, float, float] | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    keypoints: tuple[tuple[float, ...], ...] | None = None
    corners: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ImagePrediction:
    """What was found in one image or video frame.

    Attributes:
        width, height: of the image in pixels.
        detections: by falling confidence, as the network's post-processing orders them.
        raw: upstream's result, for `annotate`.
    """

    width: int
    height: int
    detections: tuple[Detection, ...]
    raw: Any


@dataclass(frozen=True, kw_only=True)
class PredictorSettings:
    """How to predict; see `PredictConfig` for the meaning of each."""

    conf: float
    iou: float
    imgsz: int
    max_det: int
    classes: tuple[int, ...] | None
    nms_free: bool
    device: str
    threads: int
    vid_stride: int = 1


class TorchPredictor:
    """Weights loaded once, ready for many images."""

    runtime = "torch"

    def __init__(self, weights: Path, *, task: str, settings: PredictorSettings, cache_dir: Path) -> None:
        ultralytics = upstream.load(cache_dir)
        self._settings = settings
        with upstream.border("loading the weights"):
            self._model = ultralytics.YOLO(str(weights), task=task)
        # Upstream's device selection resets the thread count whenever it sets up a model.
        self._model.add_callback("on_predict_start", lambda _predictor: set_threads(settings.threads))

    def image(self, path: Path) -> ImagePrediction:
        """Predict one image file.

        Raises:
            InputError: the file is not an image that can be decoded.
        """
        return self._predict(read_image(path))

    def video(self, path: Path) -> Iterator[ImagePrediction]:
        """Predict the frames of a video, one at a time.

        Raises:
            InputError: no frame can be read.
        """
        _require_video(path)
        # The border stands around each step, never around a `yield`: it would hold the caller's stdout too.
        with upstream.border("prediction"):
            results = iter(self._model.predict(str(path), stream=True, **self._arguments()))
        frames = 0
        while True:
            with upstream.border("prediction", hint_out_of_memory="use a smaller --imgsz"):
                result = next(results, None)
            if result is None:
                break
            frames += 1
            yield _prediction(result)
        if not frames:
            raise InputError("not a video that can be decoded", context=[str(path)])

    def _predict(self, image: Any) -> ImagePrediction:
        with upstream.border("prediction", hint_out_of_memory="use a smaller --imgsz"):
            (result,) = self._model.predict([image], **self._arguments())
        return _prediction(result)

    def _arguments(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "conf": settings.conf,
            "iou": settings.iou,
            "imgsz": settings.imgsz,
            "max_det": settings.max_det,
            "classes": None if settings.classes is None else list(settings.classes),
            "nms": False if settings.nms_free else None,
            "device": settings.device,
            "vid_stride": settings.vid_stride,
            "save": False,
            "verbose": False,
        }


def _require_video(path: Path) -> None:
    import cv2

    capture = cv2.VideoCapture(str(path))
    opened = capture.isOpened()
    capture.release()
    if not opened:
        raise InputError("not a video that can be decoded", context=[str(path)])


def read_image(path: Path) -> Any:
    """Decode an image file as upstream does.

    Returns:
        uint8 array of shape (height, width, 3), BGR, with the EXIF orientation applied.

    Raises:
        InputError: the file can't be read or decoded.
    """
    from ultralytics.utils.patches import imread

    try:
        with upstream.border("reading an image"):
            image = imread(str(path))
    except Exception as error:
        raise InputError("not an image that can be decoded", context=[str(path)]) from error
    if image is None or image.ndim != 3 or 0 in image.shape:
        raise InputError("not an image that can be decoded", context=[str(path)])
    return image


def annotate(prediction: ImagePrediction) -> Any:
    """The image with boxes and labels drawn: uint8 array of shape (height, width, 3), BGR."""
    with upstream.border("drawing"):
        return prediction.raw.plot()


def write_image(image: Any, path: Path) -> None:
    """Encode a BGR array by the file's suffix and write it in one step.

    Raises:
        InputError: the suffix names no image format.
    """
    import cv2

    done, encoded = cv2.imencode(path.suffix, image)
    if not done:
        raise InputError("the image can't be encoded", context=[str(path)])
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(encoded.tobytes())
    temporary.replace(path)


class VideoWriter:
    """An annotated copy of a video, as MP4."""

    def __init__(self, path: Path, *, source: Path, vid_stride: int) -> None:
        import cv2

        capture = cv2.VideoCapture(str(source))
        self._rate = max(1.0, (capture.get(cv2.CAP_PROP_FPS) or 25.0) / vid_stride)
        capture.release()
        self._path = path
        self._writer: Any = None

    def add(self, image: Any) -> None:
        """Append one BGR frame; all frames have the size of the first."""
        import cv2

        if self._writer is None:
            size = (image.shape[1], image.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), codec, self._rate, size)
        self._writer.write(image)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()


def _prediction(result: Any) -> ImagePrediction:
    height, width = result.orig_shape
    return ImagePrediction(width=width, height=height, detections=tuple(_detections(result)), raw=result)


def _detections(result: Any) -> Iterator[Detection]:
    names = result.names
    if result.probs is not None:
        for class_id, confidence in zip(result.probs.top5, result.probs.top5conf.tolist(), strict=True):
            yield Detection(class_id=int(class_id), name=names[int(class_id)], confidence=confidence)
        return
    boxes = result.obb if result.obb is not None else result.boxes
    if boxes is None:
        return
    corners = result.obb.xyxyxyxy.tolist() if result.obb is not None else None
    keypoints = result.keypoints.data.tolist() if result.keypoints is not None else None
    polygons = result.masks.xy if result.masks is not None else None
    columns = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    for index, (class_id, confidence, box) in enumerate(columns):
        yield Detection(
            class_id=int(class_id),
            name=names[int(class_id)],
            confidence=confidence,
            box_xyxy=tuple(box),
            polygon=None if polygons is None else tuple(map(tuple, polygons[index].tolist())),
            keypoints=None if keypoints is None else tuple(map(tuple, keypoints[index])),
            corners=None if corners is None else tuple(map(tuple, corners[index])),
        )
