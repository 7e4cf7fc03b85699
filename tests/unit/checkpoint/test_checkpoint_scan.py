"""A scan says what a file names and what is wrong with it, and finds something exactly where reading refuses."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from hostile import pickles as p
from hostile.corpus import HostileFile, build_corpus, corpus_names

from yolow.checkpoint.scan import Finding, Scan, scan
from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import WeightsError, WeightsRefusedError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HostileFile]:
    folder = tmp_path_factory.mktemp("scanned")
    return {file.name: file for file in build_corpus(folder, folder / "canary")}


_REFUSED = {"dangerous-global", "unknown-global", "misused-global", "code-in-config"}


@pytest.mark.parametrize("name", corpus_names())
def test_a_scan_agrees_with_reading(name: str, corpus: dict[str, HostileFile]) -> None:
    hostile = corpus[name]
    found = scan(hostile.path)
    assert found.findings
    if hostile.outcome == "refused":
        assert found.findings[0].rule in _REFUSED
        assert any(hostile.finding in finding.detail for finding in found.findings), found.findings
    said = [text for finding in found.findings for text in (finding.message, finding.detail)]
    assert all(text.isprintable() and str(hostile.path) not in text for text in said)
    assert not hostile.path.with_name("canary").exists()
    if hostile.outcome == "refused":
        with pytest.raises((WeightsRefusedError, WeightsError)):
            read_checkpoint(hostile.path)


def _rules(found: Scan) -> list[tuple[str, str]]:
    return [(finding.rule, finding.detail) for finding in found.findings]


def test_verdicts_on_globals(tmp_path: Path) -> None:
    names = [("os", "system"), ("mylib.blocks", "MyBlock"), ("models.common", "Conv"), ("torch", "load")]
    stream = b"".join(p.name(*one) + p.POP for one in names) + p.NONE
    found = scan(p.write(tmp_path / "x.pt", p.checkpoint(stream)))
    assert [(use.name, use.verdict) for use in found.globals if use.verdict != "expected"] == [
        ("os.system", "dangerous"),
        ("torch.load", "dangerous"),
        ("models.common.Conv", "unknown"),
        ("mylib.blocks.MyBlock", "unknown"),
    ]
    purposes = {use.name: use.purpose for use in found.globals}
    assert purposes["models.common.Conv"] == "a class of the old yolov5 repository"
    assert purposes["ultralytics.nn.tasks.DetectionModel"] == "made empty, then given its state"
    assert _rules(found) == [
        ("dangerous-global", "os.system"),
        ("dangerous-global", "torch.load"),
        ("unknown-global", "models.common.Conv"),
        ("unknown-global", "mylib.blocks.MyBlock"),
    ]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "Exception"),
        ("importlib.machinery", "SourceFileLoader"),
        ("mylib", "Loader.run"),
        ("mylib", "run"),
        ("mylib", "Conv\n"),
        ("my lib", "Conv"),
        ("mylib.\u0440", "Conv"),
        ("", "Conv"),
    ],
)
def test_what_can_not_be_a_class_of_somebodys_own_is_dangerous(
    module: str, name: str, tmp_path: Path
) -> None:
    stream = p.checkpoint(p.PROTO4 + p.built_name(module, name))
    found = scan(p.write(tmp_path / "x.pt", stream))
    assert [use.verdict for use in found.globals if use.verdict != "expected"] == ["dangerous"]


def test_evidence_is_kept_where_reading_breaks(tmp_path: Path) -> None:
    path = p.write(tmp_path / "x.pt", p.PROTO2 + p.name("os", "system") + b"\xff")
    assert _rules(scan(path)) == [
        ("dangerous-global", "os.system"),
        ("broken-pickle", "the pickle has an operation that no checkpoint uses: 0xff (byte 14)"),
    ]


def test_a_wrong_checksum_hides_nothing(tmp_path: Path) -> None:
    """Scanners that stop at the checksum miss what torch would run."""
    path = p.write(tmp_path / "x.pt", p.checkpoint(p.name("os", "system")))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"cos\nsystem\n", b"cpty\nspawn\n"))
    assert _rules(scan(path)) == [("dangerous-global", "pty.spawn"), ("archive-anomaly", "entry: data.pkl")]


def test_several_things_at_once(tmp_path: Path) -> None:
    config = p.dict_of(yaml_file=p.text("yolo26n.yaml"), activation=p.text("exec('x')"))
    stream = p.checkpoint(p.name("os", "system"), model=p.network(yaml=config))
    path = p.write(tmp_path / "x.pt", stream)
    assert _rules(scan(path)) == [("dangerous-global", "os.system"), ("code-in-config", "exec('x')")]


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (b"\x80\x02cos\nsystem\n.", ["dangerous-global", "not-a-checkpoint"]),
        (b"cos\nsystem\n.", ["dangerous-global", "not-a-checkpoint"]),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", ["not-a-checkpoint"]),
        (b"a.pt".ljust(257, b"\x00") + b"ustar\x0000", ["not-a-checkpoint"]),
        (b"", ["not-a-checkpoint"]),
        (b"PK\x03\x04", ["archive-anomaly"]),
    ],
)
def test_what_is_no_checkpoint_is_never_passed(content: bytes, rules: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    assert [finding.rule for finding in scan(path).findings] == rules


def test_torchscript_is_never_passed(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", p.checkpoint())
        archive.writestr("x/code/__torch__.py", "")
    (finding,) = scan(path).findings
    assert (finding.rule, finding.message) == (
        "not-a-checkpoint",
        "the file is a TorchScript archive, which carries code in place of a checkpoint",
    )


def test_what_can_not_be_read_is_a_finding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00")
    assert scan(tmp_path / "none.pt").findings == (
        Finding(rule="unreadable", message="the weights file is not there", detail=""),
    )
    assert [finding.rule for finding in scan(tmp_path / "pipe.pt").findings] == ["unreadable"]
    assert [finding.rule for finding in scan(tmp_path / "broken.safetensors").findings] == ["unreadable"]
    assert [finding.rule for finding in scan(tmp_path / "x.engine").findings] == ["unreadable"]


def test_nothing_is_found_in_a_good_file(tmp_path: Path) -> None:
    found = scan(p.write(tmp_path / "x.pt", p.checkpoint()))
    assert found.findings == ()
    assert {use.verdict for use in found.globals} == {"expected"}
