"""`yolow inspect` as a whole process."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from harness import ROOT, Yolow
from hostile import pickles as p

from yolow.engine import upstream
from yolow.store.record import ParentRecord, VersionDraft
from yolow.store.store import Store

RUNNER = ROOT / "tests" / "hostile" / "through_commands.py"
_SYSTEM = p.call(p.name("posix", "system"), p.text("touch canary"))
_WEIGHTS = b"".join(value.to_bytes(4, "little") for value in (0x3F800000, 0xBF800000, 0x40000000, 0))


def clean(path: Path) -> Path:
    """A checkpoint of one convolution with the four values 1, -1, 2 and 0."""
    return p.write(path, p.checkpoint(), storages={"0": _WEIGHTS})


def evil(path: Path) -> Path:
    return p.write(path, p.checkpoint(_SYSTEM))


@pytest.mark.shared
def test_the_numbers_of_yolo26n_are_those_of_torch(
    shared_folder: Path, run_yolow: Yolow, workdir: Path, cache_dir: Path
) -> None:
    upstream.load(cache_dir)  # the pickle names Ultralytics' classes
    import torch

    weights = shared_folder / "weights" / "yolo26n.pt"
    finished = run_yolow("inspect", weights, "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    (file,) = finished.document["files"]
    parameters = file["parameters"]
    assert parameters["total"] == 2_572_280
    assert parameters["biases"] + parameters["norm_biases"] == 10_288
    assert parameters["fused"] == 2_408_932
    assert parameters["total"] == sum(
        parameters[role] for role in ("weights", "biases", "norm_weights", "norm_biases")
    )
    whole = file["modules"][0]
    assert (whole["path"], whole["share"], whole["dtypes"]) == ("", 1.0, {"float16": 2_561_992})
    assert parameters["dtypes"] == {"float16": 2_572_280}
    model = torch.load(weights, weights_only=False)["model"]
    truth = {name: tensor.double() for name, tensor in model.state_dict().items()}
    assert [tensor["name"] for tensor in file["tensors"]] == list(truth)
    for tensor in file["tensors"]:
        values, told = truth[tensor["name"]], tensor["statistics"]
        assert tensor["shape"] == list(values.shape)
        expected = [values.mean(), values.std(correction=0), values.min(), values.max(), values.norm()]
        found = [told[key] for key in ("mean", "std", "minimum", "maximum", "norm")]
        assert found == pytest.approx([float(value) for value in expected], rel=1e-9, abs=1e-12)
        assert told["zeros"] == pytest.approx(float((values == 0).double().mean()))
    assert file["health"]["initialisation"]["verdict"] == "trained"
    assert {use["verdict"] for use in file["globals"]} == {"expected"}
    assert (file["status"], file["findings"], file["error"]) == ("clean", [], None)


@pytest.mark.shared
def test_a_screen_of_yolo26n(shared_folder: Path, run_yolow: Yolow, workdir: Path) -> None:
    env = {"YOLOW_WEIGHTS_DIR": str(shared_folder / "weights")}
    finished = run_yolow("inspect", "yolo26n.pt", cwd=workdir, env=env)
    assert finished.code == 0
    assert finished.err == ""
    lines = finished.out.splitlines()
    assert lines[0] == "yolo26n.pt  detect, yolo26n, 80 classes"
    assert "parameters      2,561,992  10,288  2,572,280" in lines
    assert "once fused                         2,408,932" in lines
    assert "modules, level 1 of 7; weights are float16" in lines
    assert "model.23 Detect      304,096     504   5,056    5,092    629.7   12.0%" in lines
    assert "health: a trained network" in lines
    assert any(line.endswith("globals named, no unexpected globals found") for line in lines)
    assert "safe" not in finished.out.lower()
    assert lines[-1].startswith("warning: yolo26n.pt from YOLOW_WEIGHTS_DIR is not the official file")
    assert "\x1b" not in finished.out


@pytest.mark.shared
def test_nothing_heavy_is_imported_and_it_is_fast(
    shared_folder: Path, workdir: Path, base_env: dict[str, str]
) -> None:
    probe = (
        "import sys\nfrom yolow.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "names = ('torch', 'torchvision', 'ultralytics', 'cv2', 'PIL', 'matplotlib', 'onnx', 'asyncio')\n"
        "print([name for name in names if name in sys.modules], file=sys.stderr)"
    )
    weights = str(shared_folder / "weights" / "yolo26n.pt")
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", probe, "inspect", weights, "--stats"],
            cwd=workdir, env=base_env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds.append(time.monotonic() - start)
        assert done.stderr.splitlines()[-1] == "[]"
    # Half a second on a quiet machine (see scripts/bench_inspect.py); this one may be busy.
    assert min(seconds) < 2


def test_a_small_network_in_full(run_yolow: Yolow, workdir: Path) -> None:
    clean(workdir / "small.pt")
    finished = run_yolow("inspect", "small.pt", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    document = finished.document
    (file,) = document["files"]
    assert (document["path"], document["task"]) == (str(workdir / "small.pt"), "detect")
    assert (file["reference"], file["format"], file["store"]) == ("small.pt", "pytorch", None)
    assert [(module["path"], module["kind"], module["level"]) for module in file["modules"]] == [
        ("", "DetectionModel", 0), ("model", "Sequential", 1), ("model.0", "Conv2d", 2),
    ]  # fmt: skip
    assert [module["weights"] for module in file["modules"]] == [4, 4, 4]
    (tensor,) = file["tensors"]
    statistics = tensor.pop("statistics")
    assert tensor == {
        "name": "model.0.weight", "role": "weight", "dtype": "float32", "shape": [4], "size_bytes": 16,
        "module": "model.0", "kind": "Conv2d", "shared_with": None,
    }  # fmt: skip
    assert (statistics["mean"], statistics["minimum"], statistics["maximum"]) == (0.5, -1.0, 2.0)
    assert (statistics["zeros"], statistics["nan"], statistics["inf"]) == (0.25, 0, 0)


def test_code_is_refused_shown_and_not_run(run_yolow: Yolow, workdir: Path) -> None:
    evil(workdir / "evil.pt")
    finished = run_yolow("inspect", "evil.pt", cwd=workdir)
    assert finished.code == 1
    assert finished.out.startswith(f"evil.pt  refused\n\nfile    {workdir}/evil.pt\n")
    assert (
        "\nwhat it could do\n"
        "  dangerous-global: the pickle names code to run: posix.system\n"
        "  dangerous  posix.system  runs code, or leads to what does\n"
    ) in finished.out
    assert "no unexpected globals found" not in finished.out
    assert finished.err == (
        "error: the weights name code that an Ultralytics checkpoint has no use for\n"
        f"  {workdir}/evil.pt\n"
        "  posix.system\n"
        "note: loading a .pt file runs what it names; this one was read without running anything\n"
        "hint: use weights from a source that you trust, such as `--weights yolo26n.pt`\n"
    )
    document = run_yolow("inspect", "evil.pt", "--json", cwd=workdir).document
    assert (document["status"], document["exit_code"]) == ("rejected", 1)
    assert document["error"] == document["files"][0]["error"]
    assert document["files"][0]["globals"][0]["name"] == "posix.system"
    assert not (workdir / "canary").exists()


def test_a_refused_file_that_is_broken_besides_is_still_refused(run_yolow: Yolow, workdir: Path) -> None:
    p.write(workdir / "half.pt", p.checkpoint(_SYSTEM)[:-20])
    finished = run_yolow("inspect", "half.pt", "--json", cwd=workdir)
    assert finished.code == 1
    rules = [finding["rule"] for finding in finished.document["files"][0]["findings"]]
    assert rules == ["dangerous-global", "broken-pickle"]
    damaged = bytearray(evil(workdir / "changed.pt").read_bytes())
    damaged[damaged.index(b"touch canary")] ^= 1
    (workdir / "changed.pt").write_bytes(damaged)
    assert run_yolow("inspect", "changed.pt", cwd=workdir).code == 1


def test_a_bad_file_does_not_hide_the_others(run_yolow: Yolow, workdir: Path) -> None:
    evil(workdir / "a evil.pt")
    clean(workdir / "good.pt")
    (workdir / "cut.pt").write_bytes((workdir / "good.pt").read_bytes()[:-30])
    names = ("cut.pt", "good.pt", "a evil.pt", "lost.pt")
    finished = run_yolow("inspect", *names, cwd=workdir)
    assert finished.code == 1
    titles = [line for line in finished.out.splitlines() if line.startswith(names)]
    assert titles == [
        "cut.pt  unreadable",
        "good.pt  detect, yolo26n, 1 class",
        "a evil.pt  refused",
        "lost.pt  unreadable",
    ]
    assert finished.err == (
        "error: 3 of 4 files are not clean: 1 refused, 2 unreadable\n"
        "  a evil.pt: the weights name code that an Ultralytics checkpoint has no use for\n"
        "  cut.pt: the archive is cut short: it has no directory at its end\n"
        "  lost.pt: there are no weights 'lost.pt'\n"
        "hint: yolow inspect 'a evil.pt'\n"
    )
    document = run_yolow("inspect", *names, "--json", cwd=workdir).document
    assert [file["status"] for file in document["files"]] == ["unreadable", "clean", "refused", "unreadable"]
    without_evil = run_yolow("inspect", "cut.pt", "good.pt", "--json", cwd=workdir)
    assert (without_evil.code, without_evil.document["status"]) == (2, "error")
    assert run_yolow("inspect", "good.pt", "good.pt", "-q", cwd=workdir).out == ""


def test_what_torch_reads_and_we_can_not_is_never_passed(run_yolow: Yolow, workdir: Path) -> None:
    """Other containers in which torch or Python would find a pickle, or code: the first bytes of real ones."""
    stream = p.checkpoint(_SYSTEM)
    (workdir / "bare.pt").write_bytes(stream)
    (workdir / "seven.pt").write_bytes(b"7z\xbc\xaf\x27\x1c" + stream)
    (workdir / "gzip.pt").write_bytes(gzip.compress(stream))
    with tarfile.open(workdir / "tar.pt", "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            member = tarfile.TarInfo(name)
            member.size = len(stream)
            archive.addfile(member, io.BytesIO(stream))
    for name, entry in (("script", "constants.pkl"), ("code", "code/__torch__.py")):
        p.write(workdir / f"{name}.pt", p.checkpoint())
        with zipfile.ZipFile(workdir / f"{name}.pt", "a") as archive:
            archive.writestr(f"archive/{entry}", b".")
    (workdir / "legacy.pt").write_bytes(
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + b"\x80\x02M\xe9\x03." + stream
    )
    looks_like = {
        "bare.pt": "a bare pickle",
        "seven.pt": "a 7-Zip archive",
        "gzip.pt": "a gzip file",
        "tar.pt": "a tar archive",
        "script.pt": "the file is a TorchScript archive, which carries code in place of a checkpoint",
        "code.pt": "the file is a TorchScript archive, which carries code in place of a checkpoint",
        "legacy.pt": "a PyTorch file of the format before 1.6",
    }
    finished = run_yolow("inspect", *looks_like, "--json", cwd=workdir)
    files = {file["reference"]: file for file in finished.document["files"]}
    for name, text in looks_like.items():
        assert files[name]["status"] in ("unreadable", "refused"), name
        assert "not-a-checkpoint" in [finding["rule"] for finding in files[name]["findings"]], name
        said = [f"{finding['message']}: {finding['detail']}" for finding in files[name]["findings"]]
        assert any(text in line for line in said), said
    # The pickle is there in the open: what it names is told.
    assert (files["bare.pt"]["status"], files["bare.pt"]["globals"][0]["name"]) == ("refused", "posix.system")
    assert not (workdir / "canary").exists()


def test_what_is_no_weight_file(run_yolow: Yolow, workdir: Path) -> None:
    (workdir / "empty.pt").touch()
    (workdir / "notes.txt").write_text("hello")
    os.mkfifo(workdir / "pipe.pt")
    (workdir / "dangling.pt").symlink_to("nowhere")
    names = ("empty.pt", "notes.txt", "pipe.pt", "dangling.pt", "./")
    finished = run_yolow("inspect", *names, "--json", cwd=workdir, timeout=20)
    assert finished.code == 2
    for name, file in zip(names, finished.document["files"], strict=True):
        assert (file["reference"], file["status"]) == (name, "unreadable")
        assert file["findings"], name
        assert file["error"]["kind"] in ("weights", "not-found"), name


def test_a_file_that_is_cut_short_anywhere(base_env: dict[str, str], workdir: Path) -> None:
    """In a header, in a name, in the pickle, in a tensor, between entries, in the directory and in its end."""
    whole = clean(workdir / "whole.pt").read_bytes()
    starts = [match.start() for match in re.finditer(b"PK..", whole)]
    within = [start + offset for start in starts for offset in (0, 1, 10, 29, 40)]
    places = sorted({*within, *range(0, len(whole), 97), len(whole) - 1})
    cut = [workdir / f"{length}.pt" for length in places if length < len(whole)]
    for path in cut:
        path.write_bytes(whole[: int(path.stem)])
    done = subprocess.run(
        [sys.executable, RUNNER, workdir / "canary", '["inspect", "{file}", "--json"]', *cut],
        cwd=workdir, env=base_env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    outcomes = json.loads(done.stdout)["outcomes"]
    assert len(outcomes) == len(cut) > 40
    for path, outcome in zip(cut, outcomes, strict=True):
        (file,) = json.loads(outcome["out"])["files"]
        assert (outcome["code"], file["status"], file["error"]["kind"]) == (2, "unreadable", "weights"), (
            path.stem
        )
        assert file["findings"], path.stem
        assert "Traceback" not in outcome["err"], path.stem


def test_every_file_is_told_under_the_same_keys(run_yolow: Yolow, workdir: Path) -> None:
    evil(workdir / "evil.pt")
    clean(workdir / "good.pt")
    (workdir / "cut.pt").write_bytes(b"PK\x03\x04")
    names = ("good.pt", "evil.pt", "cut.pt", "lost.pt")
    good, *others = run_yolow("inspect", *names, "--json", cwd=workdir).document["files"]
    assert all(value is not None for key, value in good.items() if key not in ("error", "store"))
    for file in others:
        assert list(file) == list(good)
    assert [file["size_bytes"] for file in others] == [(workdir / "evil.pt").stat().st_size, 4, None]
    assert [file["sha256"] is None for file in others] == [False, False, True]


def test_official_weights_are_never_fetched(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("inspect", "yolo11x-pose.pt", cwd=workdir)
    assert (finished.code, finished.out) == (2, "")
    assert finished.err == (
        "error: yolo11x-pose.pt is not on this machine, and nothing is downloaded to be inspected\n"
        "  YOLOW_WEIGHTS_DIR is not set\n"
        "hint: put yolo11x-pose.pt into a folder and name that folder: export YOLOW_WEIGHTS_DIR=FOLDER\n"
    )


def test_no_argument_is_a_usage_error(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("inspect", cwd=workdir)
    assert (finished.code, finished.out) == (2, "")
    assert finished.err == "error: Missing argument 'REF_OR_PATH'\nhint: yolow inspect --help\n"


def test_the_store_knows_a_file_by_its_digest(run_yolow: Yolow, workdir: Path) -> None:
    store = Store(workdir / "weights")
    source = clean(workdir / "copy.pt")
    first = store.add(
        VersionDraft(
            name="solar", operation="import", task="detect", parent=ParentRecord(reference="yolo26n.pt")
        ),
        weights=source,
        suffix=".pt",
    )
    child = p.write(workdir / "child.pt", p.checkpoint(), storages={"0": bytes(16)})
    parent = ParentRecord(reference=first.reference, sha256=first.record.sha256)
    store.add(
        VersionDraft(name="solar", operation="finetune", task="detect", parent=parent),
        weights=child,
        suffix=".pt",
    )
    references = ("child.pt", "solar", "solar:v2", "weights/solar/v2/solar-v2.pt")
    for file in run_yolow("inspect", *references, "--json", cwd=workdir).document["files"]:
        assert file["store"]["version"] == "solar:v2"
        assert [(step["reference"], step["state"]) for step in file["store"]["lineage"]] == [
            ("solar:v2", "present"), ("solar:v1", "present"), ("yolo26n.pt", "outside"),
        ]  # fmt: skip
    assert "lineage  solar:v2 <- solar:v1 <- yolo26n.pt\n" in run_yolow("inspect", "solar", cwd=workdir).out


def test_a_damaged_store_is_no_reason_not_to_look(run_yolow: Yolow, workdir: Path) -> None:
    clean(workdir / "good.pt")
    (workdir / "weights").write_text("not a folder")
    finished = run_yolow("inspect", "good.pt", "good.pt", "--json", cwd=workdir)
    assert (finished.code, finished.err) == (0, "")
    assert [file["store"] for file in finished.document["files"]] == [None, None]
    assert finished.document["warnings"] == [
        "it is not known whether the weights are a version: the store can't be read; "
        f"{workdir}/weights: Not a directory"
    ]


def test_a_damaged_record_is_no_reason_either(run_yolow: Yolow, workdir: Path) -> None:
    source = clean(workdir / "copy.pt")
    store = Store(workdir / "weights")
    version = store.add(
        VersionDraft(name="solar", operation="import", task="detect"), weights=source, suffix=".pt"
    )
    record = version.folder / "record.json"
    record.chmod(0o644)
    record.write_text(record.read_text().replace('"task": "detect"', '"task": "detect", "added": 1'))
    finished = run_yolow("inspect", "copy.pt", "--json", cwd=workdir)
    assert (finished.code, finished.document["files"][0]["status"]) == (0, "clean")
    (warning,) = finished.document["warnings"]
    assert "the record can't be read" in warning
    # the version itself is another matter
    assert run_yolow("inspect", "solar:v1", cwd=workdir).code != 0


def test_a_version_whose_bytes_differ_is_refused(run_yolow: Yolow, workdir: Path) -> None:
    store = Store(workdir / "weights")
    draft = VersionDraft(name="solar", operation="import", task="detect")
    version = store.add(draft, weights=clean(workdir / "x.pt"), suffix=".pt")
    content = bytearray(version.weights_path.read_bytes())
    content[len(content) // 2] ^= 1
    version.weights_path.chmod(0o644)
    version.weights_path.write_bytes(content)
    finished = run_yolow("inspect", "solar:v1", "--json", "--sarif", "out.sarif", cwd=workdir)
    assert finished.code == 1
    assert [finding["rule"] for finding in finished.document["files"][0]["findings"]] == ["integrity"]
    log = json.loads((workdir / "out.sarif").read_text())
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["integrity"]


def test_sarif_to_a_file_and_to_standard_output(run_yolow: Yolow, workdir: Path) -> None:
    evil(workdir / "evil.pt")
    clean(workdir / "good.pt")
    finished = run_yolow("inspect", "evil.pt", "good.pt", "--sarif", "-", cwd=workdir)
    assert finished.code == 1
    (run,) = finished.document["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["dangerous-global"]
    assert [artifact["location"]["uri"] for artifact in run["artifacts"]] == ["evil.pt", "good.pt"]
    to_file = run_yolow("inspect", "evil.pt", "good.pt", "--sarif", "x.sarif", cwd=workdir)
    assert to_file.out.endswith(f"\nsarif  {workdir}/x.sarif\n")
    assert json.loads((workdir / "x.sarif").read_text()) == finished.document
    assert run_yolow("inspect", "good.pt", "--sarif", "-", cwd=workdir).document["runs"][0]["results"] == []
    flat = run_yolow("inspect", "good.pt", "--sarif", "missing/x.sarif", cwd=workdir)
    assert flat.code == 2
    assert flat.err.startswith("error: the SARIF file can't be written\n")
    both = run_yolow("inspect", "good.pt", "--sarif", "-", "--json", cwd=workdir)
    assert both.code == 2
    assert both.document["error"]["message"] == "--json and --sarif - can't both have standard output"


def test_pictures(run_yolow: Yolow, workdir: Path) -> None:
    p.write(
        workdir / "wide.pt",
        p.checkpoint(model=p.network(p.parameter(p.tensor(p.storage(), (2, 2, 1, 1), (2, 1, 1, 1))))),
        storages={"0": _WEIGHTS},
    )
    finished = run_yolow("inspect", "wide.pt", "--plot", "w.html", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    assert finished.document["artifacts"] == [{"kind": "plot", "path": str(workdir / "w.html")}]
    assert "model.0" in (workdir / "w.html").read_text()
    wrong = run_yolow("inspect", "wide.pt", "--plot", "w.gif", cwd=workdir)
    assert wrong.code == 2
    assert wrong.err.startswith("error: a picture is a .png or a .html file\n")
    several = run_yolow("inspect", "wide.pt", "wide.pt", "--plot", "w.html", cwd=workdir)
    assert several.err == (
        "error: a picture shows one file\n  files: 2\nhint: yolow inspect wide.pt --plot w.html\n"
    )
    evil(workdir / "evil.pt")
    refused = run_yolow("inspect", "evil.pt", "--plot", "e.html", "--json", cwd=workdir)
    assert refused.document["warnings"] == ["e.html was not drawn: the file could not be read"]
    assert not (workdir / "e.html").exists()


def test_what_the_training_left_is_told(run_yolow: Yolow, workdir: Path) -> None:
    stream = p.checkpoint(
        epoch=p.number(3), version=p.text("8.4.190"), date=p.text("2026-01-02T03:04:05.6"), license=p.text("AGPL-3.0"),
        git=p.dict_of(branch=p.text("main"), commit=p.text("abc\x1b[2J"), origin=p.NONE),
        train_args=p.dict_of(data=p.text("/home/ada/solar.yaml"), epochs=p.number(9), imgsz=p.number(416)),
        train_metrics=p.dict_of(**{"metrics/mAP50-95(B)": p.number(1), "fitness": p.number(1)}),
        optimizer=p.dict_of(state=p.EMPTY_DICT),
    )  # fmt: skip
    p.write(workdir / "last.pt", stream, storages={"0": _WEIGHTS})
    out = run_yolow("inspect", "last.pt", cwd=workdir).out
    for line in (
        "image size     416",
        "network        1 layer, can be resumed after epoch 4",
        "written        2026-01-02T03:04:05, by Ultralytics 8.4.190, AGPL-3.0",
        "git            branch main, commit abc\\x1b[2J",
        "trained with   data /home/ada/solar.yaml, epochs 9, imgsz 416",
        "its own claim  mAP50-95(B) 1.000",
        "  paths of the machine that wrote it are inside: train_args.data=/home/ada/solar.yaml",
        "  a user's name is inside: ada (train_args.data)",
    ):
        assert line in out.splitlines(), out
    assert "  what a training needs to go on is left inside: optimizer" in out


def test_layers_of_note_come_with_a_histogram_and_stats_gives_one_to_each(
    run_yolow: Yolow, workdir: Path
) -> None:
    """Four filters of one value: one is dead, two are equal."""
    filters = p.parameter(p.tensor(p.storage(), (4, 1, 1, 1), (1, 1, 1, 1)))
    wide = p.parameter(p.tensor(p.storage(), (2, 2, 1, 1), (2, 1, 1, 1)))
    p.write(workdir / "odd.pt", p.checkpoint(model=p.network(wide)), storages={"0": _WEIGHTS[:8] * 2})
    p.write(workdir / "deep.pt", p.checkpoint(model=p.network(filters)), storages={"0": _WEIGHTS})
    lines = run_yolow("inspect", "odd.pt", cwd=workdir).out.splitlines()
    assert "  duplicated filters: 1 of 2, all in model.0.weight" in lines
    row = lines[lines.index(next(line for line in lines if line.startswith("layer "))) + 1]
    assert row.split()[:6] == ["model.0", "2", "-", "1", "1", "1.4"]
    assert row.endswith("█              █")
    every = run_yolow("inspect", "deep.pt", "--stats", cwd=workdir).out
    assert re.search(r"^model\.0 +4 +1 +- .*█", every, re.MULTILINE)
    assert "▁" not in run_yolow("inspect", "odd.pt", cwd=workdir, env={"PYTHONIOENCODING": "ascii"}).out


def test_depth_and_statistics(run_yolow: Yolow, workdir: Path) -> None:
    clean(workdir / "small.pt")
    out = run_yolow("inspect", "small.pt", "--stats", "--depth", "9", cwd=workdir).out
    assert "modules, level 1 of 1; weights are float32\n" in out
    row = next(line for line in out.splitlines() if line.startswith("model.0.weight "))
    assert " ".join(row.split()) == "model.0.weight 4 float32 0.5 1.12 -1 2 2.45 25.0% - -"
    assert run_yolow("inspect", "small.pt", "--depth", "0", cwd=workdir).code == 2
