"""`weights list`, `show` and `log`: right, readable, and as fast in a large store as in a small one."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT, Yolow
from managed_store import add_version, child_of, promote, tree

from yolow.store.record import ParentRecord
from yolow.store.store import Store, WeightsVersion

STORE = Path("weights")


def _three() -> list[WeightsVersion]:
    """solar:v1 <- solar:v2 (production), birds:v1; the best is v1, the fastest birds."""
    one = add_version(STORE, map50_95=0.5)
    two = add_version(STORE, map50_95=0.42, parent=child_of(one), latency_ms=None)
    birds = add_version(STORE, map50_95=0.3, name="birds", latency_ms=9.0)
    promote(STORE, 2)
    return [one, two, birds]


def _listed(run_yolow: Yolow, cwd: Path, *flags: str) -> list[str]:
    document = run_yolow("weights", "list", *flags, "--json", cwd=cwd).document
    return [version["reference"] for version in document["versions"]]


def test_the_list_in_a_pipe(run_yolow: Yolow, workdir: Path) -> None:
    _three()
    finished = run_yolow("weights", "list", cwd=workdir)
    assert (finished.code, finished.err) == (0, "")
    assert re.sub(r"\d+ s\b", "1 s", finished.out).splitlines() == [
        "version   aliases     operation  map50_95   MB    ms  age",
        "birds:v1              finetune      0.300  0.0   9.0  1 s",
        "solar:v2  production  finetune      0.420  0.0     -  1 s",
        "solar:v1              finetune      0.500  0.0  31.3  1 s",
    ]


def test_the_document_of_the_list(run_yolow: Yolow, workdir: Path) -> None:
    one, two, _ = _three()
    document = run_yolow("weights", "list", "--name", "solar", "--json", cwd=workdir).document
    assert (document["total"], document["page"], document["next_page"]) == (2, None, None)
    assert document["versions"] == [
        {
            "reference": version.reference,
            "operation": "finetune",
            "task": "detect",
            "format": "pytorch",
            "parent": parent,
            "main_metric": "map50_95",
            "main_value": value,
            "size_bytes": 7,
            "latency_ms": latency_ms,
            "created": version.record.created,
            "sha256": version.record.sha256,
            "aliases": aliases,
        }
        for version, parent, value, latency_ms, aliases in (
            (two, "solar:v1", 0.42, None, ["production"]), (one, "yolo26n.pt", 0.5, 31.26, []),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("created", ["birds:v1", "solar:v2", "solar:v1"]),
        ("metric", ["solar:v1", "solar:v2", "birds:v1"]),
        ("latency", ["birds:v1", "solar:v1", "solar:v2"]),
        ("name", ["birds:v1", "solar:v2", "solar:v1"]),
    ],
)
def test_orders(run_yolow: Yolow, workdir: Path, order: str, expected: list[str]) -> None:
    _three()
    assert _listed(run_yolow, workdir, "--sort", order) == expected


def test_an_unknown_order_or_name(run_yolow: Yolow, workdir: Path) -> None:
    _three()
    finished = run_yolow("weights", "list", "--sort", "beauty", cwd=workdir)
    assert finished.code == 2
    assert finished.err.splitlines() == [
        "error: versions can't be sorted by 'beauty'",
        "  orders: created, metric, size, latency, name",
        "hint: yolow weights list --sort metric",
    ]
    finished = run_yolow("weights", "list", "--name", "sloar", cwd=workdir)
    assert finished.code == 2
    assert "  did you mean solar?" in finished.err.splitlines()


def test_an_empty_store_is_not_made(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("weights", "list", cwd=workdir)
    assert finished.out == "no versions yet\n\nnext  yolow finetune --data solar.yaml\n"
    assert list(workdir.iterdir()) == []


def test_what_can_not_be_read_is_a_warning(run_yolow: Yolow, workdir: Path) -> None:
    one, two, _ = _three()
    for path in (one.folder / "record.json", STORE / "solar" / "aliases.json"):
        path.chmod(0o644)
        path.write_text("{")
    finished = run_yolow("weights", "list", cwd=workdir)
    assert finished.code == 0
    lines = finished.out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["birds:v1", "solar:v2"]
    assert lines[4].startswith(f"warning: solar:v1: the record can't be read: {one.folder / 'record.json'}; ")
    assert lines[5].startswith(
        f"warning: the aliases can't be read: {workdir / STORE / 'solar/aliases.json'}: "
    )
    shown = run_yolow("weights", "show", two.reference, cwd=workdir)
    assert shown.code == 0
    assert "  `- solar:v1            missing from this store: the record can't be read" in shown.out
    assert "warning: the aliases can't be read" in shown.out
    logged = run_yolow("weights", "log", "solar", cwd=workdir)
    assert logged.code == 0
    assert logged.out.count("warning: ") == 2


def _many(count: int) -> None:
    for _ in range(count):
        add_version(STORE)


def _on_terminal(*words: str, env: dict[str, str]) -> str:
    """Run a command whose standard output is a real terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "yolow", *words], stdout=theirs, env=env)
    os.close(theirs)
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # all has been written
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(ours)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(chunks).decode()).replace("\r\n", "\n")


def test_pages(run_yolow: Yolow, workdir: Path, base_env: dict[str, str]) -> None:
    _many(53)
    in_a_pipe = run_yolow("weights", "list", cwd=workdir).out
    assert in_a_pipe.count("\n") == 54
    env = base_env | {"COLUMNS": "80"}
    first = _on_terminal("weights", "list", env=env)
    assert first.count("solar:v") == 50
    assert first.endswith("\n1 to 50 of 53 versions, more with: yolow weights list --page 2\n")
    second = _on_terminal("weights", "list", "--page", "2", env=env)
    assert [line.split()[0] for line in second.splitlines()[1:4]] == ["solar:v3", "solar:v2", "solar:v1"]
    assert second.endswith("\n51 to 53 of 53 versions\n")
    assert run_yolow("weights", "list", "--page", "2", cwd=workdir).out.count("solar:v") == 3
    assert _listed(run_yolow, workdir, "--page", "2") == ["solar:v3", "solar:v2", "solar:v1"]
    log = _on_terminal("weights", "log", "solar", env=env)
    assert log.endswith("\n1 to 50 of 53 events, more with: yolow weights log solar --page 2\n")
    finished = run_yolow("weights", "list", "--page", "3", cwd=workdir)
    assert finished.code == 2
    assert finished.err.splitlines() == [
        "error: there is no page 3", "  pages: 1 to 2", "hint: yolow weights list --page 2",
    ]  # fmt: skip


def test_the_next_page_is_in_the_same_store(run_yolow: Yolow, workdir: Path) -> None:
    _many(51)
    STORE.rename("my weights")
    flags = ("--name", "solar", "--sort", "metric", "--store", "my weights")
    document = run_yolow("weights", "list", *flags, "--json", cwd=workdir).document
    place = f"'{workdir / 'my weights'}'"
    assert document["next_page"] == (
        f"yolow weights list --name solar --sort metric --store {place} --page 2"
    )


def test_show(run_yolow: Yolow, workdir: Path) -> None:
    one, two, _ = _three()
    Store(STORE).add_note(two, "two roofs\nare missing")
    out = run_yolow("weights", "show", "solar:production", cwd=workdir).out
    lines = out.splitlines()
    assert re.fullmatch(r"solar:v2  finetune of solar:v1 \(detect\)  \S+ \S+ UTC, \d+ s ago", lines[0])
    assert "map50_95      0.300     0.420  +12.00" in lines, "the parent as measured with the child"
    assert re.search(r"^alias +production since \S+ \S+ UTC$", out, re.MULTILINE)
    assert re.search(r"^note +\S+ \S+ UTC: two roofs\n +are missing$", out, re.MULTILINE)
    at = lines.index("lineage")
    assert lines[at + 1 : at + 4] == [
        "  solar:v2          finetune  map50_95 0.420",
        "  `- solar:v1       finetune  map50_95 0.500",
        "     `- yolo26n.pt            not from this store",
    ]
    assert re.search(rf"^report\.md +8  {two.record.files[0].sha256[:12]}$", out, re.MULTILINE)
    assert lines[-1] == f"weights  {workdir / two.weights_path}"
    document = run_yolow("weights", "show", "solar:v2", "--json", cwd=workdir).document
    assert document["record"] == json.loads((two.folder / "record.json").read_text())
    assert [step["reference"] for step in document["lineage"]] == ["solar:v2", "solar:v1", "yolo26n.pt"]
    assert document["lineage"][1]["sha256"] == one.record.sha256


def test_show_names_a_removed_parent_with_its_quality(run_yolow: Yolow, workdir: Path) -> None:
    one = _three()[0]
    Store(STORE).remove(one, reason="the labels were wrong", force=True)
    out = run_yolow("weights", "show", "solar:v2", cwd=workdir).out
    [line] = [line for line in out.splitlines() if "`- solar:v1" in line]
    assert re.fullmatch(
        r"  `- solar:v1       finetune  map50_95 0.500, removed \S+ \S+ UTC: the labels were wrong", line
    )
    gone = run_yolow("weights", "show", "solar:v1", cwd=workdir)
    assert gone.code == 2
    assert gone.err.splitlines() == [
        f"error: solar:v1 was removed on {Store(STORE).tombstones('solar')[0].removed[:10]}",
        f"  store: {workdir / STORE}",
        "  reason: the labels were wrong",
        "note: its record is kept, its weights are gone, and its number is never given again",
        "hint: yolow weights log solar",
    ]


def test_show_says_that_a_version_is_damaged(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(STORE)
    version.weights_path.chmod(0o644)
    version.weights_path.write_bytes(b"something else")
    finished = run_yolow("weights", "show", "solar:v1", cwd=workdir)
    assert finished.code == 0
    assert finished.out.splitlines()[-1] == (
        "warning: solar:v1 is not what its record says; see: yolow weights verify solar:v1"
    )


def test_a_long_lineage_is_cut_before_the_origin(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(STORE)
    for _ in range(14):
        version = add_version(STORE, parent=child_of(version))
    lines = run_yolow("weights", "show", "solar:v15", cwd=workdir).out.splitlines()
    at = lines.index("lineage")
    steps = [line.split("`- ")[-1].split()[0] for line in lines[at + 1 : lines.index("record") - 1]]
    assert steps == [*(f"solar:v{n}" for n in range(15, 9, -1)), "...", "solar:v2", "solar:v1", "yolo26n.pt"]
    assert lines[at + 7].endswith("7 more versions, `--json` has all")
    assert max(map(len, lines[at : at + 11])) <= 80


def test_texts_of_strangers_are_not_obeyed(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(
        STORE,
        operation="\x1b[31mred",
        parent=ParentRecord(reference="/home/\x1b]0;title\x07/best.pt"),
        warnings=("\x1b[2J",),
    )
    Store(STORE).add_note(version, "\x1b[31mnote")
    for words in (["list"], ["show", "solar:v1"], ["log", "solar"]):
        finished = run_yolow("weights", *words, cwd=workdir)
        assert finished.code == 0
        assert "\x1b" not in finished.out
        assert r"\x1b[31m" in finished.out


def test_log(run_yolow: Yolow, workdir: Path) -> None:
    one, two, _ = _three()
    store = Store(STORE)
    store.add_note(two, "two roofs\nare missing")
    store.remove(one, reason="the labels were wrong", force=True)
    finished = run_yolow("weights", "log", "solar", cwd=workdir)
    assert finished.code == 0
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", line) for line in finished.out.splitlines()]
    assert lines == [
        "when (UTC)        what        event",
        "WHEN  solar:v1    removed: the labels were wrong",
        "WHEN  solar:v2    note: two roofs are missing",
        "WHEN  production  nothing -> v2",
        "WHEN  solar:v2    finetune of solar:v1, map50_95 0.420 (+12.00 points)",
        "WHEN  solar:v1    finetune of yolo26n.pt, map50_95 0.500 (+20.00 points); removed since",
    ]
    document = run_yolow("weights", "log", "solar", "--json", cwd=workdir).document
    kinds = [event["kind"] for event in document["events"]]
    assert kinds == ["removal", "note", "alias", "version", "version"]
    whens = [event["when"] for event in document["events"]]
    assert whens == sorted(whens, reverse=True)
    assert document["events"][2] == {
        "kind": "alias", "when": store.alias_history("solar")[0].changed, "alias": "production", "sequence": 1,
        "number": 2, "previous": None, "reason": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("solar:v1", ["error: 'solar:v1' is not a name of versions", "hint: yolow weights log solar"]),
        ("../weights/solar", ["error: '../weights/solar' is not a name of versions"]),
        ("sloar", ["error: there is no version sloar:latest", "  did you mean solar?"]),
    ],
)
def test_log_of_what_is_no_name(run_yolow: Yolow, workdir: Path, name: str, lines: list[str]) -> None:
    _three()
    before = tree(STORE)
    finished = run_yolow("weights", "log", name, cwd=workdir)
    assert finished.code == 2
    assert set(lines) <= set(finished.err.splitlines())
    assert tree(STORE) == before


_COUNTING = """
import sys
store, count, sys.argv = sys.argv[1], 0, ["yolow", *sys.argv[2:]]
def hook(event, arguments):
    global count
    if event in ("open", "os.scandir", "os.listdir") and str(arguments[0]).startswith(store):
        count += 1
sys.addaudithook(hook)
from yolow.cli.main import main
try:
    main()
except SystemExit:
    print("COUNT", count, file=sys.stderr)
"""


def _looks(store: Path, *words: str, env: dict[str, str]) -> int:
    """How many files and folders of the store a command opens."""
    process = subprocess.run(
        [sys.executable, "-c", _COUNTING, str(store), *words, "--store", str(store)],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    word, count = process.stderr.splitlines()[-1].split()
    assert word == "COUNT"
    return int(count)


def _built(root: Path, versions: int) -> Path:
    script = ROOT / "scripts" / "make_store.py"
    spec = importlib.util.spec_from_file_location("make_store", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.build_store(root, versions)
    return root


@pytest.mark.parametrize(
    "words",
    [
        ["weights", "show", "solar:v9"],
        ["weights", "show", "solar:production"],
        ["weights", "verify", "solar:v9"],
        ["weights", "export-card", "solar:v9"],
        ["weights", "promote", "solar:v9", "staging"],
        ["weights", "note", "solar:v9", "text"],
    ],
    ids=lambda words: " ".join(words[1:3]),
)
def test_one_version_costs_the_same_in_any_store(
    tmp_path: Path, base_env: dict[str, str], words: list[str]
) -> None:
    small, large = _built(tmp_path / "small", 40), _built(tmp_path / "large", 400)
    for root in (small, large):  # the same version with the same ancestors in both
        version = add_version(root, parent=None, name="alone")
        assert version.number == 1
        promote(root, 1, name="alone")
    told = [word.replace("solar:v9", "alone:v1").replace("solar:", "alone:") for word in words]
    counts = [_looks(root, *told, env=base_env) for root in (small, large)]
    assert counts[0] == counts[1] > 0


def test_a_list_opens_each_record_once(tmp_path: Path, base_env: dict[str, str]) -> None:
    root = _built(tmp_path / "weights", 300)
    names = len(Store(root).names())
    # one look at the store, two at each name, its aliases, and the records
    assert _looks(root, "weights", "list", env=base_env) <= 300 + 1 + 4 * names


@pytest.mark.slow
def test_five_thousand_versions(run_yolow: Yolow, workdir: Path) -> None:
    """All of them in a pipe; how fast is in the README, not in a test that a busy machine would fail."""
    _built(workdir / "weights", 5000)
    assert len(run_yolow("weights", "list", "--json", cwd=workdir).document["versions"]) == 5000
    assert len(run_yolow("weights", "list", cwd=workdir).out.splitlines()) == 5001
    assert run_yolow("weights", "show", "solar:v900", cwd=workdir).out.startswith("solar:v900  ")
