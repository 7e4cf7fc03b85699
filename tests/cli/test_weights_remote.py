"""`weights push` and `weights pull`: whole commands against a folder and a real S3-compatible server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import Finished, Yolow
from hostile import pickles
from managed_store import DRAFT, add_version, checkpoint_bytes, child_of, promote, tree, write_openvino
from s3_server import SECRET, Bucket, hanging_line, new_bucket, s3_server

from yolow.store.store import Store, WeightsVersion

ROOT, OTHER = Path("weights"), Path("other")
PADDING_BYTES = 3_000_000


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str) -> Bucket:
    return new_bucket(s3_address)


def add_export(root: Path, mark: bytes = b"\x01", name: str = "solar", **changes: object) -> WeightsVersion:
    """The next version of a name: an OpenVINO network of one convolution, whose weights begin with `mark`."""
    folder = root.parent / f"{root.name}-{name}-{mark.hex()[:8]}_openvino_model"
    write_openvino(folder)
    (folder / "best.bin").write_bytes((mark + bytes(48))[: max(48, len(mark))])
    draft = {**vars(DRAFT), "name": name, "format": "openvino", **changes}
    return Store(root).add(type(DRAFT)(**draft), weights=folder, suffix="_openvino_model")


def other(*arguments: str) -> tuple[str, ...]:
    return (*arguments, "--store", str(OTHER))


def states(finished: Finished) -> dict[str, str]:
    return {one["reference"]: one["state"] for one in finished.document["versions"]}


def test_there_and_back(run_yolow: Yolow, workdir: Path, bucket: Bucket) -> None:
    add_version(ROOT, content=checkpoint_bytes())
    add_export(ROOT)
    megabytes = f"{(len(checkpoint_bytes()) + 8) / 1e6:.1f}"
    sent = run_yolow("weights", "push", bucket.url, cwd=workdir, env=bucket.env)
    assert (sent.code, sent.out.splitlines()) == (
        0,
        [
            f"2 versions sent to {bucket.url}",
            "",
            "version   state   MB",
            f"solar:v1  sent   {megabytes}",
            "solar:v2  sent   0.0",
        ],
    ), sent.err
    again = run_yolow("weights", "push", bucket.url, cwd=workdir, env=bucket.env)
    assert (again.code, again.out) == (0, f"nothing sent to {bucket.url}, 2 already there\n")
    assert set(bucket.writes().values()) == {1}
    fetched = run_yolow(*other("weights", "pull", bucket.url, "--json"), cwd=workdir, env=bucket.env)
    assert fetched.code == 0, fetched.err
    assert fetched.document["counts"] == {"done": 2, "same": 0, "skipped": 0, "failed": 0}
    assert tree(OTHER) == tree(ROOT)
    for version in Store(OTHER).versions():
        assert Store(OTHER).verify(version) == []


def test_references_parents_and_aliases(run_yolow: Yolow, workdir: Path) -> None:
    first = add_export(ROOT, b"\x01")
    second = add_export(ROOT, b"\x02", parent=child_of(first))
    add_export(ROOT, b"\x03", name="roof", parent=child_of(second))
    promote(ROOT, 1)
    promote(ROOT, 2, "edge")
    assert states(run_yolow("weights", "push", "alone", "roof", "--json", cwd=workdir)) == {"roof:v1": "done"}
    sent = run_yolow("weights", "push", "there", "roof", "--with-parents", "--aliases", cwd=workdir)
    assert sent.out.splitlines()[2:] == [
        "version   state   MB",
        "solar:v1  sent   0.0",
        "solar:v2  sent   0.0",
        "roof:v1   sent   0.0",
        "",
        "alias  solar:edge is solar:v2",
        "alias  solar:production is solar:v1",
    ]
    promoted = run_yolow(*other("weights", "pull", "there", "solar:production", "--aliases"), cwd=workdir)
    assert promoted.out.splitlines()[-1] == "alias  solar:production is solar:v1"
    assert Store(OTHER).aliases("solar") == {"production": 1}
    (event,) = Store(OTHER).alias_history("solar")
    assert event.reason == f"pulled from {workdir / 'there'}"
    roof = run_yolow(*other("weights", "pull", "there", "roof"), cwd=workdir)
    assert roof.code == 0
    assert roof.out.splitlines()[-1] == (
        "warning: roof:v1 comes from solar:v2, which is not here: "
        f"yolow weights pull {workdir / 'there'} solar:v2"
    )
    digest = second.record.sha256[:12]
    latest = run_yolow(*other("weights", "pull", "there", f"sha256:{digest}", "solar", "--json"), cwd=workdir)
    assert states(latest) == {"solar:v2": "done"}
    named = run_yolow(*other("weights", "pull", "there", "--name", "solar", "--json"), cwd=workdir)
    assert states(named) == {"solar:v1": "same", "solar:v2": "same"}
    assert run_yolow(*other("weights", "verify"), cwd=workdir).code == 0


def test_what_was_removed_here_comes_back_only_when_asked_for(run_yolow: Yolow, workdir: Path) -> None:
    add_export(ROOT)
    run_yolow("weights", "push", "there", cwd=workdir)
    Store(ROOT).remove(Store(ROOT).get("solar", 1), reason="old")
    skipped = run_yolow("weights", "pull", "there", cwd=workdir)
    assert (skipped.code, skipped.out.splitlines()[-1]) == (
        0,
        "solar:v1 skipped: it was removed here; to bring it back: "
        f"yolow weights pull {workdir / 'there'} solar:v1",
    )
    assert Store(ROOT).numbers("solar") == []
    assert states(run_yolow("weights", "pull", "there", "solar:v1", "--json", cwd=workdir)) == {
        "solar:v1": "done"
    }
    assert Store(ROOT).tombstones("solar") == ()
    assert add_export(ROOT, b"\x02").number == 2


def test_a_flipped_byte_on_the_remote_is_refused(run_yolow: Yolow, workdir: Path) -> None:
    there = workdir / "there"
    add_export(ROOT, b"\x01")
    add_export(ROOT, b"\x02")
    run_yolow("weights", "push", "there", cwd=workdir)
    damaged = there / "solar/v1/solar-v1_openvino_model/best.bin"
    good = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
    one = run_yolow(*other("weights", "pull", "there", "solar:v1"), cwd=workdir)
    assert (one.code, one.out) == (1, "")
    assert re.sub("[0-9a-f]{64}", "DIGEST", one.err).splitlines()[1:] == [
        "error: solar:v1 is not what its record says",
        "  file: solar-v1_openvino_model/best.bin",
        "  expected: sha256 DIGEST (48 bytes)",
        "  found: sha256 DIGEST (48 bytes)",
        "note: the bytes were changed or damaged after the version was made; nothing of it was taken over",
        "hint: remove solar/v1 from the remote, then send it again from a store that has it whole: "
        f"yolow weights push {there} solar:v1",
    ]
    rest = run_yolow(*other("weights", "pull", "there"), cwd=workdir)
    assert (rest.code, rest.out.splitlines()[:7]) == (
        1,
        [
            f"1 version fetched from {there}, 1 failed",
            "",
            "version   state     MB",
            "solar:v1  failed     -",
            "solar:v2  fetched  0.0",
            "",
            "solar:v1 failed: solar:v1 is not what its record says",
        ],
    )
    assert Store(OTHER).numbers("solar") == [2]
    assert list((OTHER / ".staging").iterdir()) == []
    shutil.rmtree(there / "solar/v1")  # the hint, taken at its word
    run_yolow("weights", "push", "there", "solar:v1", cwd=workdir)
    mended = run_yolow(*other("weights", "pull", "there", "--json"), cwd=workdir)
    assert states(mended) == {"solar:v1": "done", "solar:v2": "same"}


@pytest.mark.slow
def test_a_flipped_byte_in_a_bucket_is_refused(run_yolow: Yolow, workdir: Path, bucket: Bucket) -> None:
    """In the middle of a checkpoint, where the record and its digest are as they were."""
    add_version(ROOT, content=checkpoint_bytes())
    assert run_yolow("weights", "push", bucket.url, cwd=workdir, env=bucket.env).code == 0
    good = bucket.read("solar/v1/solar-v1.pt")
    middle = len(good) // 2
    bucket.write("solar/v1/solar-v1.pt", good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    refused = run_yolow(*other("weights", "pull", bucket.url, "--json"), cwd=workdir, env=bucket.env)
    assert (refused.code, refused.document["error"]["kind"]) == (1, "integrity")
    assert refused.document["error"]["context"][0] == "file: solar-v1.pt"
    assert [path for path in OTHER.rglob("*") if path.is_file() and path.name != ".lock"] == []
    bucket.write("solar/v1/solar-v1.pt", good)
    assert run_yolow(*other("weights", "pull", bucket.url), cwd=workdir, env=bucket.env).code == 0
    assert tree(OTHER) == tree(ROOT)


def test_a_damaged_version_is_not_sent(run_yolow: Yolow, workdir: Path) -> None:
    damaged = add_export(ROOT, b"\x01").weights_path / "best.bin"
    add_export(ROOT, b"\x02")
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(48))
    finished = run_yolow("weights", "push", "there", "--json", cwd=workdir)
    assert finished.code == 1
    assert states(finished) == {"solar:v1": "failed", "solar:v2": "done"}
    alone = run_yolow("weights", "push", "there", "solar:v1", cwd=workdir)
    assert (alone.code, alone.err.splitlines()[1]) == (
        1,
        "error: solar:v1 is not what its record says, and was not sent",
    )
    assert Store(Path("there")).numbers("solar") == [2]


@pytest.mark.parametrize("kind", ["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def test_another_version_is_never_overwritten(
    run_yolow: Yolow, workdir: Path, bucket: Bucket, kind: str
) -> None:
    url = bucket.url if kind == "bucket" else str(workdir / "there")
    add_export(ROOT, b"\x01")
    add_export(OTHER, b"\x02")
    add_export(OTHER, b"\x03")
    run_yolow("weights", "push", url, cwd=workdir, env=bucket.env)
    before = bucket.writes() if kind == "bucket" else tree(workdir / "there")
    for command in ("push", "pull"):
        refused = run_yolow(*other("weights", command, url, "solar:v1"), cwd=workdir, env=bucket.env)
        assert refused.code == 1
        place = url if command == "push" else workdir / OTHER
        assert refused.err.splitlines()[-4:] == [
            "error: another solar:v1 has this number",
            f"  there: {place}",
            "note: numbers are never given twice, and versions are never overwritten",
            "hint: bring the weights in under another name: yolow weights import FILE --name solar-2",
        ]
    assert (bucket.writes() if kind == "bucket" else tree(workdir / "there")) == before
    every = run_yolow(*other("weights", "push", url, "--json"), cwd=workdir, env=bucket.env)
    assert (every.code, states(every)) == (1, {"solar:v1": "failed", "solar:v2": "done"})
    assert Store(OTHER).verify(Store(OTHER).get("solar", 1)) == []


@pytest.mark.parametrize("place", ["weights", "beside"])
def test_a_hostile_checkpoint_is_refused(run_yolow: Yolow, workdir: Path, place: str) -> None:
    """All digests agree: whoever made the version meant it."""
    canary, hostile = workdir / "canary", workdir / "hostile.pt"
    call = pickles.call(pickles.name("posix", "system"), pickles.text(f"touch '{canary}'"))
    pickles.write(hostile, pickles.checkpoint(call))
    stranger = Store(workdir / "there")
    if place == "weights":
        stranger.add(DRAFT, weights=hostile, suffix=".pt")
    else:
        write_openvino(workdir / "x_openvino_model")
        draft = type(DRAFT)(**{**vars(DRAFT), "format": "openvino"})
        folder, files = workdir / "x_openvino_model", {"extra/last.PT": hostile}
        stranger.add(draft, weights=folder, suffix="_openvino_model", files=files)
    finished = run_yolow("weights", "pull", "there", cwd=workdir)
    assert (finished.code, finished.out) == (1, "")
    assert "posix.system" in finished.err
    assert f"solar:v1: {'solar-v1.pt' if place == 'weights' else 'extra/last.PT'}" in finished.err
    assert ".staging" not in finished.err
    assert not canary.exists()
    assert Store(ROOT).names() == []


def test_aliases_of_a_stranger(run_yolow: Yolow, workdir: Path) -> None:
    add_export(Path("there"))
    aliases = workdir / "there" / "solar" / "aliases.json"
    aliases.write_text(json.dumps({"../evil": {"number": 1}, "v7": {"number": 1}, "gone": {"number": 9}}))
    finished = run_yolow("weights", "pull", "there", "--aliases", cwd=workdir)
    assert finished.code == 2
    assert "Traceback" not in finished.err
    assert Store(ROOT).numbers("solar") == [1]
    assert Store(ROOT).aliases("solar") == {}
    assert not (workdir / "evil").exists()


def test_a_folder_needs_neither_fsspec_nor_torch(run_yolow: Yolow, workdir: Path) -> None:
    add_export(ROOT)
    blocked = workdir / "site"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nfor name in ('fsspec', 's3fs', 'torch', 'ultralytics', 'numpy'): sys.modules[name] = None\n"
    )
    env = {"PYTHONPATH": str(blocked)}
    assert run_yolow("weights", "push", "there", "--offline", cwd=workdir, env=env).code == 0
    assert run_yolow(*other("weights", "pull", "there", "--offline"), cwd=workdir, env=env).code == 0
    missing = run_yolow("weights", "push", "s3://models/yolow", cwd=workdir, env=env)
    assert (missing.code, missing.err.splitlines()[-1]) == (2, 'hint: pip install "yolow[remote]"')


@pytest.mark.parametrize("command", ["push", "pull"])
def test_usage(run_yolow: Yolow, workdir: Path, command: str) -> None:
    add_export(ROOT)
    offline = run_yolow("weights", command, "s3://models/yolow", "--offline", cwd=workdir)
    assert (offline.code, offline.err.splitlines()) == (
        2,
        [
            "error: the remote needs the network, and --offline forbids it",
            "  remote: s3://models/yolow",
            "hint: leave out --offline, or use a folder as the remote",
        ],
    )
    both = run_yolow("weights", command, "there", "solar:v1", "--name", "solar", cwd=workdir)
    assert (both.code, both.err.splitlines()) == (
        2,
        [
            "error: --name and references exclude each other",
            f"hint: yolow weights {command} URL --name solar",
        ],
    )
    unknown = run_yolow("weights", command, "there", "solar:v9", "--json", cwd=workdir)
    assert (unknown.code, unknown.document["error"]["kind"]) == (2, "not-found")
    assert not (workdir / "there").exists()


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--json", "--debug"])
def test_secrets_are_never_shown(run_yolow: Yolow, workdir: Path, bucket: Bucket, flag: str) -> None:
    add_export(ROOT)
    closed = "http://127.0.0.1:9"
    cases = [
        (bucket.url, {"AWS_ENDPOINT_URL": closed}),
        (bucket.url, {"AWS_ENDPOINT_URL": f"http://me:{SECRET}@127.0.0.1:99999"}),
        (bucket.url, {"AWS_ENDPOINT_URL": f"me:{SECRET}@127.0.0.1:9"}),
        (bucket.url, {"HTTP_PROXY": f"http://me:{SECRET}@127.0.0.1:9"}),
        ("s3://no-such-bucket/x", {}),
        (f"s3://key:{SECRET}@models/x", {}),
        (f"key:{SECRET}@models/x", {}),
    ]
    for url, change in cases:
        finished = run_yolow("weights", "push", url, flag, cwd=workdir, env=bucket.env | change)
        assert finished.code == 2, finished
        assert SECRET not in finished.out + finished.err, url


@pytest.mark.slow
def test_nobody_answers(run_yolow: Yolow, workdir: Path, bucket: Bucket) -> None:
    add_export(ROOT)
    with hanging_line(bucket.env["AWS_ENDPOINT_URL"], 0) as (address, _):
        for endpoint, most_s in (("http://127.0.0.1:9", 15), (address, 90)):
            env, begin = bucket.env | {"AWS_ENDPOINT_URL": endpoint}, time.monotonic()
            finished = run_yolow("weights", "push", bucket.url, cwd=workdir, env=env)
            assert (finished.code, finished.out) == (2, "")
            assert "error: the remote can't be read" in finished.err.splitlines()
            assert time.monotonic() - begin < most_s


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_push_that_ended_midway_goes_on(
    run_yolow: Yolow, base_env: dict[str, str], workdir: Path, bucket: Bucket, how: signal.Signals, code: int
) -> None:
    """The line hangs inside the weights of the second version; there the process ends."""
    for mark in (b"\x01", b"\x02", b"\x03"):
        add_export(ROOT, mark + os.urandom(PADDING_BYTES))
    with hanging_line(bucket.env["AWS_ENDPOINT_URL"], PADDING_BYTES * 3 // 2) as (address, hangs):
        process = subprocess.Popen(
            [sys.executable, "-m", "yolow", "weights", "push", bucket.url],
            cwd=workdir,
            env=base_env | bucket.env | {"AWS_ENDPOINT_URL": address},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert hangs.wait(60)
        process.send_signal(how)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == code
    assert b"Traceback" not in stderr
    names = bucket.object_names()
    assert "solar/v1/record.json.sha256" in names
    assert "solar/v2/record.json" in names
    assert "solar/v2/record.json.sha256" not in names
    meanwhile = run_yolow(*other("weights", "pull", bucket.url, "--json"), cwd=workdir, env=bucket.env)
    assert (meanwhile.code, states(meanwhile)) == (0, {"solar:v1": "done", "solar:v2": "skipped"})
    resumed = run_yolow("weights", "push", bucket.url, "--json", cwd=workdir, env=bucket.env)
    assert states(resumed) == {"solar:v1": "same", "solar:v2": "done", "solar:v3": "done"}
    assert set(bucket.writes().values()) == {1}  # nothing was sent twice
    assert run_yolow(*other("weights", "pull", bucket.url), cwd=workdir, env=bucket.env).code == 0
    assert tree(OTHER) == tree(ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "bucket"])
@pytest.mark.parametrize("is_same", [True, False], ids=["same", "different"])
def test_pushes_at_once(run_yolow: Yolow, workdir: Path, bucket: Bucket, kind: str, is_same: bool) -> None:
    """Six processes; of different versions of one number exactly one gets there, and it is whole."""
    url = bucket.url if kind == "bucket" else str(workdir / "there")
    stores = [workdir / f"store{0 if is_same else index}" for index in range(6)]
    for index, store in enumerate(dict.fromkeys(stores)):
        add_export(store, bytes([index + 1]) + os.urandom(100_000))

    def push(store: Path) -> Finished:
        return run_yolow("weights", "push", url, "--store", store, cwd=workdir, env=bucket.env)

    with ThreadPoolExecutor(len(stores)) as pool:
        finished = list(pool.map(push, stores))
    codes = sorted(one.code for one in finished)
    assert codes == ([0] * 6 if is_same else [0, 1, 1, 1, 1, 1]), [one.err for one in finished]
    winner = stores[[one.code for one in finished].index(0)]
    assert run_yolow(*other("weights", "pull", url), cwd=workdir, env=bucket.env).code == 0
    assert tree(OTHER) == tree(winner)
