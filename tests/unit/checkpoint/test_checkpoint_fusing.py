"""How many parameters fusing leaves; the comparison with Ultralytics itself is in the matrix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import pickles as p

from yolow.checkpoint.fusing import fused_parameters
from yolow.checkpoint.open import open_contents

_LAYERS = "ultralytics.nn.modules.conv"


def _module(module: str, name: str, **inside: bytes) -> bytes:
    return p.made(module, name, _modules=p.dict_of(**inside))


def _written(path: Path, layer: bytes, **entries: bytes) -> Path:
    top = _module("torch.nn.modules.container", "Sequential", **{"0": layer})
    model = p.network(_modules=p.dict_of(model=top))
    return p.write(path, p.checkpoint(model=model, **entries))


def test_a_network_without_anything_to_fuse_keeps_all(tmp_path: Path) -> None:
    path = p.write(tmp_path / "x.pt", p.checkpoint())
    assert fused_parameters(path) == open_contents(path).facts["parameters"] == 4


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(
            _module(_LAYERS, "NewConv", bn=p.made("torch.nn.modules.batchnorm", "BatchNorm2d")),
            id="a class of its own with a batch normalisation",
        ),
        pytest.param(
            _module(
                "ultralytics.nn.modules.head",
                "NewHead",
                one2one_cv2=p.made("torch.nn.modules.linear", "Identity"),
            ),
            id="an unknown head with two branches",
        ),
        pytest.param(
            _module(_LAYERS, "Conv", bn=p.made("torch.nn.modules.batchnorm", "BatchNorm2d")),
            id="a block without its convolution",
        ),
    ],
)
def test_what_is_not_understood_has_no_count(layer: bytes, tmp_path: Path) -> None:
    assert fused_parameters(_written(tmp_path / "x.pt", layer)) is None


def test_quantization_aware_training_has_no_count(tmp_path: Path) -> None:
    layer = p.made("torch.nn.modules.linear", "Identity")
    assert fused_parameters(_written(tmp_path / "a.pt", layer)) == 0
    assert fused_parameters(_written(tmp_path / "b.pt", layer, modelopt=p.dict_of(state=p.number(1)))) is None


def test_other_formats_have_no_count(tmp_path: Path) -> None:
    assert fused_parameters(tmp_path / "x.safetensors") is None
