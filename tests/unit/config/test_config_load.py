"""Files, flags and `--set` become one typed run config, or one list of mistakes."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from yolow.config.load import config_from_document, load_config
from yolow.config.schema import FinetuneConfig, PredictConfig, TrainConfig, ValConfig
from yolow.config.strict_yaml import dump_yaml, load_yaml_file
from yolow.config.training_arguments import RESERVED, upstream_arguments
from yolow.errors import ConfigError
from yolow.recipes.publishing import config_document

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = {"finetune": FinetuneConfig, "train": TrainConfig, "predict": PredictConfig, "val": ValConfig}


def finetune(*settings: str, file: Path | None = None, **flags: Any) -> FinetuneConfig:
    return load_config(FinetuneConfig, command="finetune", file=file, settings=settings, flags=flags)


def mistakes(*settings: str, file: Path | None = None, **flags: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        finetune(*settings, file=file, **flags)
    return caught.value.context


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "data: x.yaml\nepoch: 5\nimgsz: -5\noptimizer: nope\nmosaic: 2\nplots: off\n"
        "batch: many\nresume: true\nbox: wide\ngate: [map5095 >= 0.4, map50_95 > 1]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        finetune("lr0=fast", "nonsense", file=file, device="banana", patience=-1)
    error = caught.value
    assert error.message == "the run config has 13 mistakes"
    assert error.hint == "see configs/finetune.yaml for every key, or `yolow finetune --help`"
    assert sorted(error.context) == sorted(
        [
            "--set nonsense: must be key=value",
            f"{file}:2:1: unknown key 'epoch' (did you mean 'epochs'?)",
            f"{file}:5:1: 'mosaic' must be a number from 0 to 1, not 2",
            f"{file}:8:1: 'resume' can't be set: use `--resume RUN`",
            f"{file}:9:1: 'box' must be a number, not 'wide'",
            "--set lr0: 'lr0' must be a number from 0 to 1, not 'fast'",
            f"{file}:10:1: gate 'map5095 >= 0.4': unknown field 'map5095' (did you mean 'map50_95'?)",
            f"{file}:3:1: 'imgsz' must be a multiple of 32 from 32 to 8192, not -5",
            f"{file}:7:1: 'batch' must be a whole number from 1 to 4096 (or -1 in training: what fits on the GPU), "
            "not 'many'",
            "--device: 'device' must be auto, cpu, mps, or GPU numbers such as 0 or 0,1, not 'banana'",
            "--patience: 'patience' must be at least 0, not -1",
            f"{file}:4:1: 'optimizer' must be one of 'auto', 'SGD', 'MuSGD', 'Adam', 'Adamax', 'AdamW', 'NAdam', "
            "'RAdam' or 'RMSProp', not 'nope'",
            f"{file}:6:1: 'plots' must be true or false, not 'off'",
        ]
    )


def test_later_wins_default_file_flag_set(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: x.yaml\nimgsz: 320\nepochs: 3\npatience: 4\n", encoding="utf-8")
    config = finetune("patience=6", file=file, epochs=7, patience=5, batch=None)
    assert (config.batch, config.imgsz, config.epochs, config.patience) == (16, 320, 7, 6)


def test_a_flag_that_corrects_the_file_hides_its_mistake(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: x.yaml\nepochs: many\n", encoding="utf-8")
    assert finetune(file=file, epochs=2).epochs == 2


@pytest.mark.parametrize("text", ["5", "[a, b]", "just words"])
def test_a_config_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    assert f"{file}:1:1: a run config must be a mapping of keys to values" in mistakes(file=file)


def test_an_empty_config_only_lacks_the_data(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("# nothing\n", encoding="utf-8")
    assert mistakes(file=file) == ("run config: 'data' is missing (give it in the config or as --data)",)


@pytest.mark.parametrize(
    ("setting", "ending"),
    [
        ("epochs=0", "--set epochs: 'epochs' must be at least 1, not 0"),
        ("epochs=1.5", "--set epochs: 'epochs' must be a whole number, not 1.5"),
        ("epochs='15'", "--set epochs: 'epochs' must be a whole number, not '15'"),
        ("epochs=true", "--set epochs: 'epochs' must be a whole number, not True"),
        ("plots=1", "--set plots: 'plots' must be true or false, not 1"),
        ("imgsz=100", "--set imgsz: 'imgsz' must be a multiple of 32 from 32 to 8192, not 100"),
        ("freeze=some", "--set freeze: 'freeze' must be none, backbone, or a number of layers from 1, not 'some'"),
        ("freeze=0", "--set freeze: 'freeze' must be none, backbone, or a number of layers from 1, not 0"),
        ("threads=0", "--set threads: 'threads' must be auto or a whole number from 1 to 1024, not 0"),
        ("name=a/b", "--set name: 'name' must be letters, digits, '.', '_' and '-', starting with a letter or digit, "
         "not 'a/b'"),
        ("name=..", "--set name: 'name' must be letters, digits, '.', '_' and '-', starting with a letter or digit, "
         "not '..'"),
        ("device=0,", "--set device: 'device' must be auto, cpu, mps, or GPU numbers such as 0 or 0,1, not '0,'"),
        ("gate=map50_95 >= 0.4", "--set gate: 'gate' must be a list of limits such as 'map50_95 >= 0.40', not "
         "'map50_95 >= 0.4'"),
        ("gate=[map50_95 >= --]", "--set gate: gate 'map50_95 >= --': '--' is not a number"),
        ("=1", "--set =1: must be key=value"),
        ("mosaic=.nan", "--set mosaic: 'mosaic' must be a number from 0 to 1, not nan"),
        ("lr0=.nan", "--set lr0: 'lr0' must be a number from 0 to 1, not nan"),
        ("warmup_epochs=.inf", "--set warmup_epochs: 'warmup_epochs' must be a finite number, not inf"),
        ("seed=-1", "--set seed: 'seed' must be at least 0, not -1"),
    ],
)  # fmt: skip
def test_ranges_and_types(setting: str, ending: str) -> None:
    assert mistakes(setting, data="x.yaml") == (ending,)


def test_a_set_that_is_no_yaml() -> None:
    (line,) = mistakes("lr0=[1", data="x.yaml")
    assert line.startswith("--set lr0=[1: ")


@pytest.mark.parametrize("key", RESERVED)
def test_reserved_arguments_say_why(key: str) -> None:
    assert mistakes(f"{key}=1", data="x.yaml") == (f"--set {key}: '{key}' can't be set: {RESERVED[key]}",)


def test_upstream_arguments_are_taken() -> None:
    config = finetune("lr0=1e-3", "mosaic=0.5", "close_mosaic=2", "cos_lr=true", data="x.yaml")
    assert config.arguments == {"lr0": 0.001, "mosaic": 0.5, "close_mosaic": 2, "cos_lr": True}


def test_upstream_defaults_pass_their_own_check() -> None:
    ours = {item.name for item in fields(FinetuneConfig)}
    known = {
        key: value
        for key, value in upstream_arguments().defaults.items()
        if key not in RESERVED and key not in ours and value is not None
    }
    assert len(known) > 30
    config = load_config(FinetuneConfig, command="finetune", flags={"data": "x.yaml", **known})
    assert config.arguments == known


def test_arguments_of_other_modes_are_unknown() -> None:
    for key in ("dynamic", "vid_stride", "show", "tracker", "opset"):
        (line,) = mistakes(f"{key}=1", data="x.yaml")
        assert line.startswith(f"--set {key}: unknown key '{key}'")


def test_predict_and_val_take_no_training_arguments() -> None:
    for command in ("predict", "val"):
        with pytest.raises(ConfigError) as caught:
            load_config(COMMANDS[command], command=command, settings=["lr0=1"])
        assert caught.value.context[0].startswith("--set lr0: unknown key 'lr0'")


@pytest.mark.parametrize(
    ("text", "device"), [("0", "0"), ("'0,1'", "0,1"), ("cpu", "cpu"), ("cuda:1", "cuda:1")]
)
def test_device_in_yaml(tmp_path: Path, text: str, device: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"data: x.yaml\ndevice: {text}\n", encoding="utf-8")
    assert finetune(file=file).device == device


@pytest.mark.parametrize("command", ["finetune", "train"])
def test_a_resolved_config_reads_back_equal(tmp_path: Path, command: str) -> None:
    own = {"freeze": 3, "weights": "off"} if command == "finetune" else {"model": "yolo26n-seg.yaml"}
    flags = {"data": "x.yaml", "name": "1e3", "device": "0", "threads": 2, "gate": ["map50 >= 0.1"], **own}
    config = load_config(
        COMMANDS[command], command=command, flags=flags, settings=["lr0=1e-3", "cos_lr=true"]
    )
    file = tmp_path / "run.yaml"
    file.write_text(dump_yaml(config_document(config)), encoding="utf-8")
    assert load_config(COMMANDS[command], command=command, file=file) == config
    assert config_from_document(COMMANDS[command], config_document(config), source="run") == config


@pytest.mark.parametrize("command", COMMANDS)
def test_example_configs_hold_the_defaults(command: str) -> None:
    config_type, file = COMMANDS[command], ROOT / "configs" / f"{command}.yaml"
    config = load_config(config_type, command=command, file=file)
    for item in fields(config_type):
        if item.default is not MISSING:
            assert getattr(config, item.name) == item.default, item.name
    written = load_yaml_file(file).value
    assert set(written) == {item.name for item in fields(config_type)} - {"arguments"}


@pytest.mark.parametrize("command", ["finetune", "train"])
def test_commented_arguments_in_the_examples_are_real(command: str) -> None:
    text = (ROOT / "configs" / f"{command}.yaml").read_text(encoding="utf-8")
    settings = [f"{key}={value}" for key, value in re.findall(r"^# (\w+): (\S+)$", text, re.MULTILINE)]
    assert settings
    load_config(COMMANDS[command], command=command, flags={"data": "x"}, settings=settings)
