"""Open weights of any format that yolow reads."""

from __future__ import annotations

from pathlib import Path

from yolow.checkpoint.contents import Contents
from yolow.errors import WeightsError, WeightsNotFoundError, YolowError

_PYTORCH = frozenset({".pt", ".pth"})
_READABLE = ".pt, .pth, .safetensors, .onnx, .tflite, *_openvino_model, *_ncnn_model"
# Formats that Ultralytics exports to and that hold no weights in a form that could be read without running them.
_OTHERS = {
    ".engine": "a TensorRT engine",
    ".torchscript": "a TorchScript archive",
    ".mlpackage": "a Core ML package",
    ".pb": "a TensorFlow graph",
    ".mnn": "an MNN model",
    ".rknn": "an RKNN model",
    ".pte": "an ExecuTorch program",
    ".h5": "a Keras model",
    ".pkl": "a bare pickle",
    ".bin": "a file of raw values: name the folder or the .xml file that describes it",
}


def open_contents(path: Path) -> Contents:
    """Read a weight file or export folder without executing it; its name says of which format it is.

    Args:
        path: a file, or a folder as Ultralytics names it, such as `best_openvino_model`.

    Raises:
        WeightsNotFoundError: there is nothing of that name.
        WeightsError: it is damaged, or of a format that yolow does not read.
        WeightsRefusedError: it names code that weights have no use for.
        MissingExtraError: reading the format takes an optional package.
    """
    if is_pytorch(path):
        from yolow.checkpoint.pytorch_contents import read_pytorch

        return read_pytorch(path)
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        from yolow.checkpoint.safetensors_file import read_safetensors

        return read_safetensors(path)
    if suffix == ".onnx":
        from yolow.checkpoint.onnx_file import read_onnx

        return read_onnx(path)
    if suffix == ".tflite":
        from yolow.checkpoint.tflite_file import read_tflite

        return read_tflite(path)
    if suffix == ".xml" or _holds(path, "*.xml"):
        from yolow.checkpoint.openvino_folder import read_openvino

        return read_openvino(path)
    if path.name.endswith(".ncnn.param") or _holds(path, "*.ncnn.param"):
        from yolow.checkpoint.ncnn_folder import read_ncnn

        return read_ncnn(path)
    raise _unknown(path)


def is_pytorch(path: Path) -> bool:
    """Whether a path is to be read as a PyTorch checkpoint: by its suffix, or by its content where it has none."""
    if path.suffix.lower() in _PYTORCH:
        return True
    if path.suffix or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _holds(path: Path, pattern: str) -> bool:
    """Whether a folder is an export of one kind: by its name, or by the files in it."""
    kind = {"*.xml": "_openvino_model", "*.ncnn.param": "_ncnn_model"}[pattern]
    return path.is_dir() and (path.name.endswith(kind) or next(path.glob(pattern), None) is not None)


def _unknown(path: Path) -> YolowError:
    if not path.exists():
        return WeightsNotFoundError("the weights are not there", context=[str(path)])
    looks_like = _OTHERS.get(path.suffix.lower())
    return WeightsError(
        "the format of the weights is not one that can be read",
        context=[str(path), *([f"looks like {looks_like}"] if looks_like else [])],
        note=f"formats: {_READABLE}",
    )
