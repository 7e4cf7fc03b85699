"""What is said of code in weights, and what older checkpoints may do that looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import WeightsError, WeightsRefusedError

from . import pickles as p


def _refusal(path: Path, stream: bytes) -> WeightsRefusedError:
    with pytest.raises(WeightsRefusedError) as caught:
        read_checkpoint(p.write(path, stream))
    return caught.value


def test_all_names_are_listed_the_dangerous_first(tmp_path: Path) -> None:
    names = (
        p.name("mylib.blocks", "MyBlock") + p.POP + p.name("torch", "load") + p.POP + p.name("os", "system")
    )
    error = _refusal(tmp_path / "x.pt", p.checkpoint(names + p.POP + p.name("mylib.blocks", "MyBlock")))
    assert error.message == "the weights name code that an Ultralytics checkpoint has no use for"
    assert error.context == (str(tmp_path / "x.pt"), "os.system", "torch.load", "mylib.blocks.MyBlock")
    assert error.note == "loading a .pt file runs what it names; this one was read without running anything"


def test_a_broken_stream_keeps_its_evidence(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.pt", p.PROTO2 + p.name("os", "system") + b"\xff")
    assert error.context[1:] == ("os.system",)
    assert error.note is not None
    assert error.note.endswith(
        "it is also broken: the pickle has an operation that no checkpoint uses: 0xff (byte 14)"
    )


def test_names_can_not_paint_the_terminal_or_flood_it(tmp_path: Path) -> None:
    names = b"".join(p.built_name("evil", f"\x1b[2J{index:03}" + "x" * 10_000) + p.POP for index in range(50))
    error = _refusal(tmp_path / "x.pt", p.checkpoint(p.PROTO4 + names + p.NONE))
    assert len(error.context) == 22
    assert error.context[1].startswith("evil.\\x1b[2J000x")
    assert all(len(line) < 250 and line.isprintable() for line in error.context[1:])
    assert error.context[-1] == "and 30 more"


def test_old_yolov5_checkpoints_are_named(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.pt", p.checkpoint(model=p.made("models.yolo", "DetectionModel")))
    assert error.note == (
        "this is a checkpoint of the old yolov5 repository, which the ultralytics package can't load"
    )


def test_what_older_checkpoints_hold_is_read(tmp_path: Path) -> None:
    """Methods through getattr, numpy scalars, paths, a namespace in place of a dict, an activation."""
    scalar = p.call(
        p.name("numpy.core.multiarray", "scalar"),
        p.call(p.name("numpy", "dtype"), p.text("f8"), b"\x89", b"\x88")
        + p.tuple_of(
            p.number(3), p.text("<"), p.NONE, p.NONE, p.NONE, p.number(-1), p.number(-1), p.number(0)
        )
        + p.BUILD,
        p.call(p.name("_codecs", "encode"), p.text("\x00\x00\x00\x00\x00\x00\xe0?"), p.text("latin1")),
    )
    settings = p.dict_of(
        imgsz=p.number(512), data=p.call(p.name("pathlib", "PosixPath"), p.text("/"), p.text("d.yaml"))
    )
    args = p.call(p.name("ultralytics.yolo.utils", "IterableSimpleNamespace")) + settings + p.BUILD
    method = p.call(
        p.name("__builtin__", "getattr"), p.name("ultralytics.nn.modules.head", "Detect"), p.text("forward")
    )
    config = p.dict_of(
        yaml_file=p.text("yolov8.yaml"), scale=p.text("s"), activation=p.text("nn.LeakyReLU(0.1, True)")
    )
    stream = p.checkpoint(
        model=p.network(yaml=config, detect=method),
        train_args=args,
        train_metrics=p.dict_of(fitness=scalar),
        epoch=p.number(-1),
    )
    summary = read_checkpoint(p.write(tmp_path / "old.pt", stream))
    assert summary.train_metrics == {"fitness": 0.5}
    assert summary.train_args == {"imgsz": 512, "data": "/d.yaml"}
    assert (summary.architecture, summary.imgsz, summary.epoch) == ("yolov8s", 512, None)


@pytest.mark.parametrize(
    "activation",
    [
        "__import__('os').system('x')",
        "nn.SiLU().__class__",
        "nn.SiLU(exec('x'))",
        "nn.SiLU(1.__class__)",
        "nn.SiLU([x for x in y])",
        "nn.SiLU(lambda: 0)",
        "torch.load('x')",
        "nn.functional.relu()",
        "nn.SiLU()\n",
        "nn.SiLU(" + "1.1" * 10_000 + "!",
    ],
)
def test_activations_that_would_run_are_refused(activation: str, tmp_path: Path) -> None:
    config = p.dict_of(yaml_file=p.text("yolo26n.yaml"), activation=p.text(activation))
    error = _refusal(tmp_path / "x.pt", p.checkpoint(model=p.network(yaml=config)))
    assert error.message == "the weights carry an activation that could run as code when they are trained"


@pytest.mark.parametrize(
    ("owner", "attribute"),
    [
        (p.name("ultralytics.nn.tasks", "DetectionModel"), "__init__"),
        (p.name("ultralytics.nn.tasks", "DetectionModel"), "load"),
        (p.name("torch.nn.modules.conv", "Conv2d"), "forward.__globals__"),
        (p.name("torchvision.transforms.functional", "InterpolationMode"), "__members__"),
        (p.name("collections", "OrderedDict"), "forward"),
        (p.text("text"), "format"),
        (p.EMPTY_DICT, "forward"),
    ],
)
def test_getattr_reads_nothing_but_methods_and_members(owner: bytes, attribute: str, tmp_path: Path) -> None:
    stream = p.checkpoint(p.call(p.name("builtins", "getattr"), owner, p.text(attribute)))
    error = _refusal(tmp_path / "x.pt", stream)
    assert error.context[1:] == ("builtins.getattr is used as no checkpoint does",)


def test_a_module_that_holds_itself_is_no_network(tmp_path: Path) -> None:
    """torch would build it, and then never come to an end with it."""
    cyclic = p.name("ultralytics.nn.tasks", "DetectionModel") + p.EMPTY_TUPLE + p.NEWOBJ + b"q\x63"
    stream = p.checkpoint(model=cyclic + p.dict_of(_modules=p.dict_of(model=b"h\x63")) + p.BUILD)
    with pytest.raises(WeightsError, match="network can't be used") as caught:
        read_checkpoint(p.write(tmp_path / "x.pt", stream))
    assert caught.value.context[1:] == ("a module of the network holds itself",)
