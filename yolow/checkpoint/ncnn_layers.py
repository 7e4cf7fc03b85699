"""Which blobs each type of NCNN layer has in the .bin, in the order in which the runtime loads them.

Source of the rules: `load_param` and `load_model` of each layer in https://github.com/Tencent/ncnn/tree/master/src/layer
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from yolow.checkpoint.contents import Role


@dataclass(frozen=True, kw_only=True)
class Blob:
    """One tensor of a layer.

    Attributes:
        name: of the tensor in its layer.
        flagged: whether four bytes before the values tell their type; without, they are float32.
        fits: whether the shape has as many values as the layer's parameters say.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    flagged: bool = False
    fits: bool = True


WITHOUT_BLOBS = frozenset(
    """
    AbsVal BNLL BinaryOp CELU Cast Clip Concat CopyTo Crop CumulativeSum DeepCopy Diag Dropout ELU
    Einsum Eltwise Erf Exp ExpandDims Flatten Flip Fold GELU GLU GridSample HardSigmoid HardSwish Input
    Interp LRN Log MVN MatMul Mish Noop Packing Permute PixelShuffle Pooling Pooling1D Pooling3D Power
    ReLU Reduction Reorg Reshape RotaryEmbed SDPA SELU Shrink ShuffleChannel Sigmoid Slice Softmax
    Softplus Split Squeeze Swish TanH Threshold Tile UnaryOp Unfold
    """.split()  # noqa: SIM905 - sixty quoted lines would hide the list
)
_CONVOLUTIONS = {
    "Convolution",
    "Convolution1D",
    "Convolution3D",
    "Deconvolution",
    "Deconvolution1D",
    "Deconvolution3D",
}
_DEPTHWISE = {
    "ConvolutionDepthWise", "ConvolutionDepthWise1D", "ConvolutionDepthWise3D",
    "DeconvolutionDepthWise", "DeconvolutionDepthWise1D", "DeconvolutionDepthWise3D",
}  # fmt: skip
_QUANTIZABLE = {"Convolution", "ConvolutionDepthWise"}


def blobs_of(kind: str, parameters: Mapping[int, int]) -> list[Blob] | None:
    """The tensors of one layer; None for a type, or a form of it, that is not known here."""
    get = parameters.get
    if kind in _CONVOLUTIONS or kind in _DEPTHWISE:
        return _convolution(kind, parameters)
    if kind == "InnerProduct":
        return _inner_product(parameters)
    if kind == "BatchNorm":
        size = (get(0, 0),)
        return [
            _norm("weight", size),
            _buffer("running_mean", size),
            _buffer("running_var", size),
            _norm("bias", size),
        ]
    if kind in ("LayerNorm", "InstanceNorm"):
        return [_norm("weight", (get(0, 0),)), _norm("bias", (get(0, 0),))] if get(2, 1) else []
    if kind == "GroupNorm":
        return [_norm("weight", (get(1, 0),)), _norm("bias", (get(1, 0),))] if get(3, 1) else []
    if kind == "RMSNorm":
        return [_norm("weight", (get(0, 0),))] if get(2, 1) else []
    if kind == "PReLU":
        return [Blob(name="weight", role="weight", shape=(get(0, 0),))]
    if kind == "Scale":
        return _scale(parameters)
    if kind == "Bias":
        return [Blob(name="bias", role="bias", shape=(get(0, 0),))]
    if kind == "MemoryData":
        return _memory_data(parameters)
    return None


def _convolution(kind: str, parameters: Mapping[int, int]) -> list[Blob] | None:
    get = parameters.get
    outputs, total = get(0, 0), get(6, 0)
    is_transposed = kind.startswith("Deconvolution")
    if get(28 if is_transposed else 19, 0):  # its weights come from another layer
        return []
    kernel = [get(1, 0)]
    if not kind.endswith("1D"):
        kernel.insert(0, get(11, kernel[0]))
    if kind.endswith("3D"):
        kernel.insert(0, get(21, kernel[-1]))
    values = outputs
    for size in kernel:
        values *= size
    shape = (outputs, total // values if values > 0 else 0, *kernel)
    blobs = [_weight(shape, total)]
    if get(5, 0):
        blobs.append(Blob(name="bias", role="bias", shape=(outputs,)))
    if get(8, 0):
        if kind not in _QUANTIZABLE:
            return None
        blobs += _scales(kind, parameters)
    return blobs


def _scales(kind: str, parameters: Mapping[int, int]) -> list[Blob]:
    scale_term = parameters[8]
    count = parameters.get(0, 0)
    if kind == "ConvolutionDepthWise":
        count = parameters.get(7, 1) if scale_term in (1, 101) else 1
    blobs = [_buffer("weight_scales", (count,)), _buffer("input_scale", (1,))]
    return [*blobs, _buffer("output_scale", (1,))] if scale_term > 100 else blobs


def _inner_product(parameters: Mapping[int, int]) -> list[Blob]:
    get = parameters.get
    outputs, total = get(0, 0), get(2, 0)
    blobs = [_weight((outputs, total // outputs if outputs > 0 else 0), total)]
    if get(1, 0):
        blobs.append(Blob(name="bias", role="bias", shape=(outputs,)))
    if get(8, 0):
        blobs += [_buffer("weight_scales", (outputs,)), _buffer("input_scale", (1,))]
    return blobs


def _scale(parameters: Mapping[int, int]) -> list[Blob]:
    size = parameters.get(0, 0)
    if size == -233:  # its factors come from another layer
        return []
    blobs = [Blob(name="weight", role="weight", shape=(size,))]
    return [*blobs, Blob(name="bias", role="bias", shape=(size,))] if parameters.get(1, 0) else blobs


def _memory_data(parameters: Mapping[int, int]) -> list[Blob]:
    sizes = [parameters.get(key, 0) for key in (2, 11, 1, 0)]
    shape = tuple(size for size in sizes if size != 0) or (1,)
    return [Blob(name="data", role="buffer", shape=shape, flagged=parameters.get(21, 1) == 0)]


def _weight(shape: tuple[int, ...], total: int) -> Blob:
    fits = math.prod(shape) == total
    return Blob(name="weight", role="weight", shape=shape, flagged=True, fits=fits)


def _norm(name: str, shape: tuple[int, ...]) -> Blob:
    return Blob(name=name, role="norm_weight" if name == "weight" else "norm_bias", shape=shape)


def _buffer(name: str, shape: tuple[int, ...]) -> Blob:
    return Blob(name=name, role="buffer", shape=shape)
