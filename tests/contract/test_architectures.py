"""Networks and samples that ship with Ultralytics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from yolow.config.architectures import find_architecture
from yolow.data.sources import list_sources

from .conftest import ARCHITECTURES


@pytest.mark.parametrize("task", sorted(ARCHITECTURES))
def test_names_with_a_scale_lead_to_the_same_network(ultralytics: Any, task: str) -> None:
    """`yolo26n-seg.yaml` is `yolo26-seg.yaml` at scale n, of the task its head says: config/architectures.py."""
    ours = find_architecture(ARCHITECTURES[task])
    model = ultralytics.YOLO(ours.reference)
    assert (model.task, model.model.yaml["scale"]) == (task, "n")
    assert (ours.task, ours.layers) == (task, len(model.model.model))
    assert len(model.model.yaml["backbone"]) == ours.backbone_layers


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("yolo26n.yaml", 2_572_280), ("yolo11n.yaml", 2_624_080), ("yolov8n.yaml", 3_157_200)],
)
def test_families_scale_by_the_letter_after_the_number(ultralytics: Any, name: str, parameters: int) -> None:
    """config/architectures.py `_without_scale` reads the same letter: a wrong one gives another size."""
    network = ultralytics.YOLO(find_architecture(name).reference).model
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_backbone_of_yolo26_has_eleven_layers() -> None:
    """`freeze: backbone` counts them: config/architectures.py."""
    assert find_architecture("yolo26n.yaml").backbone_layers == 11


@pytest.mark.parametrize("name", ["bus.jpg", "zidane.jpg"])
def test_sample_images_ship_with_the_package(ultralytics: Any, name: str, tmp_path: Path) -> None:
    """data/sources.py falls back to them."""
    (source,) = list_sources(name, cwd=tmp_path)
    assert source.path == Path(ultralytics.ASSETS) / name
    with Image.open(source.path) as image:
        assert image.format == "JPEG"


def test_suffixes_that_upstream_can_read_are_those_that_yolow_lists(ultralytics: Any) -> None:
    """data/sources.py `IMAGE_SUFFIXES` and `VIDEO_SUFFIXES`."""
    from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS

    from yolow.data.sources import IMAGE_SUFFIXES, VIDEO_SUFFIXES

    assert IMAGE_SUFFIXES == IMG_FORMATS
    assert VIDEO_SUFFIXES == VID_FORMATS
