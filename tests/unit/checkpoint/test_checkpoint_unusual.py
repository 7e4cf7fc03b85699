"""What is unusual in a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import pickles as p
from real_checkpoints import Built

from yolow.checkpoint.unusual import unusual

_WIDE = p.storage("0", 1000)
_HALF = p.storage("0", 1000, "HalfStorage")


def _half_network(**state: bytes) -> bytes:
    return p.network(p.parameter(p.tensor(_HALF, (1000,))), **state)


def _found(
    path: Path, stream: bytes, storages: dict[str, bytes] | None = None
) -> dict[str, tuple[str, int | None]]:
    p.write(path, stream, storages=storages or {"0": bytes(2000)})
    return {oddity.kind: (oddity.message, oddity.size_bytes) for oddity in unusual(path)}


def test_a_stripped_half_precision_checkpoint_has_nothing_unusual(tmp_path: Path) -> None:
    stream = p.checkpoint(
        model=_half_network(), optimizer=p.NONE, train_args=p.dict_of(data=p.text("coco.yaml"))
    )
    assert _found(tmp_path / "x.pt", stream) == {}


def test_training_state_with_its_bytes(tmp_path: Path) -> None:
    state = p.dict_of(state=p.tensor(p.storage("1", 500), (500,)))
    stream = p.checkpoint(model=_half_network(), optimizer=state, updates=p.number(7))
    assert _found(tmp_path / "x.pt", stream, {"0": bytes(2000), "1": bytes(2000)}) == {
        "training-state": ("what a training needs to go on is left inside: optimizer, updates", 2000)
    }


def test_the_network_before_averaging_counts_too(tmp_path: Path) -> None:
    model = p.network(p.parameter(p.tensor(p.storage("1", 1000, "HalfStorage"), (1000,))))
    stream = p.checkpoint(model=model, ema=_half_network())
    assert _found(tmp_path / "x.pt", stream, {"0": bytes(2000), "1": bytes(2000)}) == {
        "training-state": (
            "what a training needs to go on is left inside: the network before averaging",
            2000,
        )
    }


def test_wide_floats(tmp_path: Path) -> None:
    stream = p.checkpoint(model=p.network(p.parameter(p.tensor(_WIDE, (1000,)))))
    assert _found(tmp_path / "x.pt", stream, {"0": bytes(4000)}) == {
        "wide-floats": ("the network is kept as float32, where float16 is usual", 2000)
    }


def test_bytes_that_no_tensor_uses(tmp_path: Path) -> None:
    """A pruned tensor that is a view of the one before, and a storage that nothing names."""
    stream = p.checkpoint(model=p.network(p.parameter(p.tensor(_HALF, (600,)))))
    assert _found(tmp_path / "x.pt", stream, {"0": bytes(2000), "1": bytes(300)}) == {
        "unused-bytes": ("parts of the file belong to no tensor", 1100)
    }


def test_paths_users_and_secrets(tmp_path: Path) -> None:
    args = p.dict_of(
        data=p.text("/home/ann\x1b/solar.yaml"),
        project=p.text("C:\\Users\\Ben\\runs"),
        name=p.text("train"),
        model=p.text("/root/yolo26n.pt"),
        save_dir=p.text("/home/runner/work/x"),
    )
    git = p.dict_of(origin=p.text("https://ann:ghp_secret@example.org/x.git"), branch=p.text("main"))
    found = _found(tmp_path / "x.pt", p.checkpoint(model=_half_network(), train_args=args, git=git))
    assert found == {
        "absolute-path": (
            "paths of the machine that wrote it are inside: train_args.data=/home/ann\\x1b/solar.yaml, "
            "train_args.project=C:\\\\Users\\\\Ben\\\\runs, train_args.model=/root/yolo26n.pt and 1 more",
            None,
        ),
        "user-name": ("a user's name is inside: ann\\x1b (train_args.data), Ben (train_args.project)", None),
        "credentials": ("an address with a password or token is inside: git.origin", None),
    }


def test_other_formats_have_nothing_to_say(tmp_path: Path) -> None:
    assert unusual(tmp_path / "x.onnx") == ()


def test_a_fused_network(built: Built) -> None:
    (oddity,) = (one for one in unusual(built.path("fused")) if one.kind == "fused")
    assert oddity.message.startswith("batch normalisation is folded into ")
    assert "fused" not in {one.kind for one in unusual(built.path("yolo26n"))}


@pytest.mark.slow
def test_stripping_saves_as_much_as_is_said(trained: Built) -> None:
    """One checkpoint before and after Ultralytics stripped it."""
    before, after = trained.path("yolo26n-resumable"), trained.path("yolo26n-stripped")
    (oddity,) = (one for one in unusual(before) if one.kind == "training-state")
    assert oddity.size_bytes is not None
    assert oddity.size_bytes == pytest.approx(before.stat().st_size - after.stat().st_size, rel=0.1)
    assert "training-state" not in {one.kind for one in unusual(after)}
