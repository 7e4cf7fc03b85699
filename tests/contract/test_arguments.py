"""Upstream's list of arguments, as yolow reads it from the installed files."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from yolow.config.schema import Optimizer
from yolow.config.training_arguments import RESERVED, argument_mistake, upstream_arguments


def _default_yaml(ultralytics: Any) -> str:
    return (Path(ultralytics.__file__).parent / "cfg" / "default.yaml").read_text(encoding="utf-8")


def test_the_headings_of_default_yaml_are_the_known_ones(ultralytics: Any) -> None:
    """A new section must be sorted into training or not: config/training_arguments.py."""
    headings = re.findall(r"^# ([^#\n]+?)(?: -{20,})?$", _default_yaml(ultralytics), flags=re.MULTILINE)
    assert [
        heading for heading in headings if not heading.startswith(("Ultralytics", "Global", "For doc"))
    ] == [
        "Train settings",
        "Segmentation",
        "Classification",
        "Val/Test settings",
        "Predict settings",
        "Visualize settings",
        "Export settings",
        "Hyperparameters",
        "Custom config.yaml",
        "Tracker settings",
    ]


def test_strict_reading_of_default_yaml_gives_upstreams_own_values(ultralytics: Any) -> None:
    """yolow's YAML reader must see the defaults that upstream's sees: config/training_arguments.py."""
    from ultralytics.utils import DEFAULT_CFG_DICT

    ours = upstream_arguments().defaults
    assert {key: DEFAULT_CFG_DICT[key] for key in ours} == ours


@pytest.mark.parametrize(
    "key",
    ["task", "epochs", "lr0", "mosaic", "freeze", "overlap_mask", "dropout", "cls_remap", "iou", "plots", "amp",
     "close_mosaic", "seed", "optimizer", "patience", "copy_paste_mode", "erasing", "box", "distill_model"],
)  # fmt: skip
def test_training_arguments_are_offered(key: str) -> None:
    """Sections of training, validation and hyperparameters: config/training_arguments.py."""
    assert key in upstream_arguments().defaults


@pytest.mark.parametrize(
    "key",
    ["source", "vid_stride", "classes", "show", "save_txt", "line_width", "format", "dynamic", "opset", "workspace",
     "cfg", "tracker"],
)  # fmt: skip
def test_arguments_of_other_modes_are_not_offered(key: str) -> None:
    """They exist in default.yaml, under headings of other modes: config/training_arguments.py."""
    from ultralytics.utils import DEFAULT_CFG_DICT

    assert key in DEFAULT_CFG_DICT
    assert key not in upstream_arguments().defaults


def test_literal_sets_are_those_that_upstream_imports(ultralytics: Any) -> None:
    """`CFG_*` are plain literals that can be read without importing: config/training_arguments.py."""
    from ultralytics import cfg

    read = upstream_arguments()
    assert read.floats == cfg.CFG_FLOAT_KEYS
    assert read.fractions == cfg.CFG_FRACTION_KEYS
    assert read.integers == cfg.CFG_INT_KEYS
    assert read.booleans == cfg.CFG_BOOL_KEYS
    assert read.texts == cfg.CFG_STR_KEYS
    assert read.minima == cfg.CFG_INT_MIN


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_reserved_arguments_exist(ultralytics: Any, key: str) -> None:
    """A reserved name is one of upstream's, or of its extra names for folders: config/training_arguments.py."""
    from ultralytics.cfg import get_cfg
    from ultralytics.utils import DEFAULT_CFG_DICT

    assert key in DEFAULT_CFG_DICT or hasattr(get_cfg(overrides={key: None}), key)


def test_the_choice_of_optimizers_is_upstreams(ultralytics: Any) -> None:
    """`Optimizer` lists them in another order and spelling of case: config/schema.py."""
    from ultralytics.engine.trainer import BaseTrainer

    source = inspect.getsource(BaseTrainer.build_optimizer)
    literal = re.search(r"optimizers = \{([^}]*)\}", source)
    assert literal is not None
    theirs = {name.lower() for name in re.findall(r'"(\w+)"', literal[1])}
    assert {name.lower() for name in typing.get_args(Optimizer)} == theirs


@pytest.mark.parametrize("name", typing.get_args(Optimizer))
def test_every_optimizer_can_be_built_by_yolows_spelling(ultralytics: Any, name: str) -> None:
    """The names are matched whatever their case: config/schema.py."""
    from types import SimpleNamespace

    import torch
    from ultralytics.engine.trainer import BaseTrainer

    trainer = SimpleNamespace(
        args=SimpleNamespace(lr0=0.01, optimizer=name, warmup_bias_lr=0.1), data={"nc": 2}
    )
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    network.model = [network[0]]
    optimizer = BaseTrainer.build_optimizer(trainer, network, name=name)
    built = type(optimizer).__name__.lower()
    assert built == ("musgd" if name == "auto" else name.lower())


@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer", "nope"), ("imgsz", -5), ("device", "banana"), ("freeze", "everything"), ("batch", 0.0)],
)
def test_upstream_accepts_nonsense(ultralytics: Any, key: str, value: Any) -> None:
    """Why config/schema.py checks ranges and choices of its own."""
    from ultralytics.cfg import get_cfg

    assert getattr(get_cfg(overrides={key: value}), key) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr0", 2), ("epochs", 0), ("epochs", 1.5), ("mosaic", "much"), ("cos_lr", 1), ("box", "big"),
     ("auto_augment", 3), ("nbs", 0)],
)  # fmt: skip
def test_what_yolow_refuses_upstream_refuses_too(ultralytics: Any, key: str, value: Any) -> None:
    """Kinds and minima mean the same on both sides: config/training_arguments.py `argument_mistake`."""
    from ultralytics.cfg import get_cfg

    assert argument_mistake(key, value) is not None
    with pytest.raises((TypeError, ValueError), match=key):
        get_cfg(overrides={key: value})


def test_every_default_passes_yolows_check() -> None:
    """A default that config/training_arguments.py would refuse could not be written down in a run config."""
    defaults = upstream_arguments().defaults
    assert {key: argument_mistake(key, value) for key, value in defaults.items()} == dict.fromkeys(defaults)
