"""OpenVINO folders: values as OpenVINO gives them, precision of the layers, and hostile XML and folders."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from damage import damaged, read_all, refusal, told
from small_exports import write_openvino

from yolow.checkpoint.open import open_contents

Edit = Callable[[str], str]


@pytest.fixture(scope="module", autouse=True)
def no_telemetry() -> Iterator[None]:
    """OpenVINO is imported as where the package that reports its use over the network is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino_telemetry", None)
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float export, made once."""
    folder = tmp_path_factory.mktemp("openvino") / "small_openvino_model"
    write_openvino(folder)
    return folder


@pytest.fixture
def export(built: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(built, tmp_path / built.name))


@pytest.mark.parametrize("element_type", ["f32", "f16", "i8"])
def test_values_are_those_that_were_given(tmp_path: Path, element_type: str) -> None:
    folder = tmp_path / "small_openvino_model"
    given = write_openvino(folder, element_type=element_type)
    contents, found = read_all(folder)
    kept = {"f32": np.float32, "f16": np.float16, "i8": np.int8}[element_type]
    for name, array in given.items():
        assert found[name].dtype == kept, name
        np.testing.assert_array_equal(found[name], array.astype(kept))
    entries = [entry for entry in contents.entries if entry.name in given]
    assert {entry.name: (entry.role, entry.module, entry.kind) for entry in entries} == {
        "model.0.conv.weight": ("weight", "model.0.conv", "Convolution"),
        "model.0.conv.bias": ("bias", "model.0.conv", "Convolution"),
        "model.1.conv.weight": ("weight", "model.1.conv", "GroupConvolution"),
        "model.2.linear.weight": ("weight", "model.2.linear", "MatMul"),
    }  # fmt: skip
    assert contents.size_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert contents.facts["quantization"]["layers_float"] == (0 if element_type == "i8" else 3)
    assert contents.facts["quantization"]["layers_int8_weights"] == (3 if element_type == "i8" else 0)
    assert contents.facts["precision"]["model.0.conv"] == {
        "kind": "Convolution",
        "weights": {"f32": "float32", "f16": "float16", "i8": "int8"}[element_type],
        "activations": "float",
        "size_bytes": 108 * np.dtype(kept).itemsize,
    }


def test_all_constants_are_those_of_openvino(built: Path) -> None:
    ov = pytest.importorskip("openvino")

    network = ov.Core().read_model(built / "small.xml")
    constants = [op.get_data() for op in network.get_ordered_ops() if op.get_type_name() == "Constant"]
    _, found = read_all(built)
    assert sorted(array.tobytes() for array in found.values()) == sorted(
        array.tobytes() for array in constants
    )


def test_metadata_and_the_model_alone(export: Path) -> None:
    facts = open_contents(export).facts
    expected = {"names": {0: "person", 1: "driver's seat"}, "imgsz": 96, "task": "detect", "version": "8.4.190",
                "architecture": "yolo26n", "ir_version": 11}  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    alone = open_contents(export / "small.xml")
    assert alone.facts == facts
    assert [entry.name for entry in alone.entries] == [entry.name for entry in open_contents(export).entries]


def test_what_small_types_hold(tmp_path: Path) -> None:
    ov = pytest.importorskip("openvino")
    from openvino import opset13 as op

    data = np.array([-8, 7, 3, -1, 0, 5], np.int8)
    constants = {
        "int4": ov.op.Constant(ov.Type.i4, ov.Shape([3, 2]), data.tolist()),
        "uint4": ov.op.Constant(ov.Type.u4, ov.Shape([5]), [0, 15, 7, 1, 9]),
        "bfloat16": ov.op.Constant(ov.Type.bf16, ov.Shape([3]), [1.5, -0.25, 3.0]),
        "float8_e4m3fn": ov.op.Constant(ov.Type.f8e4m3, ov.Shape([3]), [1.5, -0.25, 448.0]),
        "float8_e5m2": ov.op.Constant(ov.Type.f8e5m2, ov.Shape([3]), [1.5, -0.25, 57344.0]),
        "bool": ov.op.Constant(ov.Type.boolean, ov.Shape([2]), [1, 0]),
        "int64": ov.op.Constant(ov.Type.i64, ov.Shape([1]), [-(2**40)]),
    }
    for name, constant in constants.items():
        constant.set_friendly_name(name)
    folder = tmp_path / "types_openvino_model"
    folder.mkdir()
    network = ov.Model([op.result(constant) for constant in constants.values()], [], "types")
    ov.save_model(network, folder / "types.xml", compress_to_fp16=False)
    contents, found = read_all(folder)
    assert {entry.name: entry.dtype for entry in contents.entries} == {name: name for name in constants}
    assert {name: array.tolist() for name, array in found.items()} == {
        "int4": [[-8, 7], [3, -1], [0, 5]],
        "uint4": [0, 15, 7, 1, 9],
        "bfloat16": [1.5, -0.25, 3.0],
        "float8_e4m3fn": [1.5, -0.25, 448.0],
        "float8_e5m2": [1.5, -0.25, 57344.0],
        "bool": [True, False],
        "int64": [-(2**40)],
    }


def test_a_quantized_layer_and_its_scales(tmp_path: Path) -> None:
    """As NNCF writes it: limits before the layer's input, and integers with a zero point and a scale as weights."""
    ov = pytest.importorskip("openvino")
    from openvino import opset13 as op

    images = op.parameter([1, 3, 8, 8], np.float32, name="x")
    limits = [op.constant(np.float32(value)) for value in (-1, 1, -1, 1)]
    limited = op.fake_quantize(images, *limits, 256)
    codes = np.arange(108, dtype=np.uint8).reshape(4, 3, 3, 3)
    zeros = np.array([100, 110, 120, 130], np.uint8).reshape(4, 1, 1, 1)
    scales = np.array([0.5, 0.25, 2, 1], np.float32).reshape(4, 1, 1, 1)
    shifted = op.subtract(op.convert(op.constant(codes), "f32"), op.convert(op.constant(zeros), "f32"))
    weights = op.multiply(shifted, op.constant(scales))
    conv = op.convolution(limited, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    conv.set_friendly_name("__module.model.0.conv/aten::_convolution/Convolution")
    network = ov.Model([conv], [images], "small")
    network.set_rt_info("3.4.0", ["nncf", "version"])
    network.set_rt_info("mixed", ["nncf", "quantization", "preset"])
    folder = tmp_path / "int8_openvino_model"
    folder.mkdir()
    ov.save_model(network, folder / "int8.xml", compress_to_fp16=False)
    contents, found = read_all(folder)
    np.testing.assert_array_equal(found["model.0.conv.weight"], codes)
    np.testing.assert_array_equal(found["model.0.conv.weight_zero_point"], zeros)
    np.testing.assert_array_equal(found["model.0.conv.weight_scale"], scales)
    roles = {entry.name: entry.role for entry in contents.entries}
    assert roles["model.0.conv.weight"] == "weight"
    assert roles["model.0.conv.weight_scale"] == roles["model.0.conv.weight_zero_point"] == "buffer"
    assert contents.facts["quantization"] == {
        "layers_int8": 1, "layers_int8_weights": 0, "layers_float": 0, "fake_quantize_nodes": 1
    }  # fmt: skip
    assert contents.facts["precision"]["model.0.conv"]["activations"] == "int8"
    assert contents.facts["nncf"] == {"version": "3.4.0", "quantization": {"preset": "mixed"}}


def replaced(old: str, new: str) -> Edit:
    """Put one text in place of the first other, which must be there."""

    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def encoded(name: str) -> Edit:
    return replaced('<?xml version="1.0"?>', f'<?xml version="1.0" encoding="{name}"?>')


_BOMB = '<!DOCTYPE a [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + index)} "{f"&{chr(97 + index)};" * 10}">' for index in range(9)
) + "]>"  # fmt: skip
_EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
_FIRST_LAYER = '<layer id="0"'


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replaced("<net", _BOMB + "<net"), "declares a document type or entities, which no model needs"),
        (replaced("<net", _EXTERNAL + "<net"), "declares a document type or entities, which no model needs"),
        (replaced("<net", "<!DOCTYPE net><net"), "declares a document type or entities, which no model needs"),
        (replaced('name="small"', 'name="&a;"'), "cut short or damaged\n.*\nundefined entity"),
        (encoded("utf-7"), "is not UTF-8\n.*\nit says it is utf-7"),
        (encoded("hex"), "is not UTF-8"),
        (encoded("shift_jis"), "is not UTF-8"),
        (replaced("<layers>", "<layers>" + "<a>" * 100), "nested too deeply"),
        (replaced("<layers>", "<layers><a " + " ".join(f'b{i}=""' for i in range(300_000)) + "/>"),
         "an element of the model's XML is absurdly large"),
        (replaced('version="11"', 'version="6"'), "of an unknown version\n.*\nversion 6; known: 10, 11"),
        (replaced("</net>", "</html>"), "cut short or damaged\n.*\nmismatched tag"),
        (lambda text: "<html></html>", "is not an OpenVINO model\n.*\nits XML starts with <html>"),
        (lambda text: "", "cut short or damaged\n.*\nno element found"),
        (replaced('to-port="0"', 'to-port="-1"'), "an edge without ends"),
        (replaced('to-port="0"', ""), "an edge without ends"),
        (replaced('from-layer="1"', 'from-layer="77"'), "names a layer that is not there"),
        (replaced("<edges>", '<edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>'),
         "an input of a layer is given twice"),
        (replaced(_FIRST_LAYER, '<layer id="1"'), "has a layer twice or in an odd place\n.*\n1"),
        (replaced("<edges>", "<edges>" + '<layer id="900"/>'), "has a layer twice or in an odd place\n.*\n900"),
        (replaced('offset="0"', 'offset="-1"'), "a tensor of the model has no place"),
        (replaced('offset="0"', 'offset="4"'), "tensors of the model overlap\n.*\nat byte"),
        (replaced('offset="0"', f'offset="{10**12}"'), "the file of the values is cut short"),
        (replaced('size="432"', 'size="433"'), "size contradicts its type and shape"),
        (replaced('size="432"', f'size="{10**30}"'), "a tensor of the model has no place"),
        (replaced('shape="4,3,3,3"', 'shape="4,3,3,-3"'), "no sensible shape\n.*\n4,3,3,-3"),
        (replaced('shape="4,3,3,3"', 'shape="' + ",".join(["1"] * 40) + '"'), "no sensible shape"),
        (replaced('shape="4,3,3,3"', f'shape="{10**18 - 1},{10**18 - 1}"'), "size contradicts"),
        (replaced('element_type="f32" shape="4,3', 'element_type="f99" shape="4,3'), "an unknown type"),
        (replaced("<layers>", "<layers>" + "".join(f'<layer id="n{i}"/>' for i in range(30_001))),
         "beyond any sensible size"),
        (lambda text: text[: len(text) // 2], "cut short or damaged"),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused(export: Path, edit: Edit, message: str) -> None:
    xml = export / "small.xml"
    xml.write_text(edit(xml.read_text(encoding="utf-8").replace(", ", ",")), encoding="utf-8")
    error = told(refusal(export))
    assert re.search(message, error), error


def test_every_truncation_of_the_values_is_refused(export: Path) -> None:
    values = export / "small.bin"
    content = values.read_bytes()
    for size in range(0, len(content), 7):
        values.write_bytes(content[:size])
        assert told(refusal(export)).startswith("the file of the values is cut short"), size


def test_truncated_xml_is_refused(export: Path) -> None:
    xml = export / "small.xml"
    content = xml.read_bytes().rstrip()
    for size in range(0, len(content), 29):
        xml.write_bytes(content[:size])
        assert refusal(export) is not None, size


def test_damage_never_ends_in_anything_but_an_error(export: Path) -> None:
    for name in ("small.xml", "metadata.yaml"):
        content = (export / name).read_bytes()
        errors = 0
        for changed in damaged(content, times=300):
            (export / name).write_bytes(changed)
            errors += refusal(export) is not None
        assert errors > 60
        (export / name).write_bytes(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: !!python/object/apply:os.system ['touch canary']", "are not plain YAML\n.*the tag .* is not allowed"),
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)),
         "are not plain YAML\n.*aliases expand without end"),
        ("a: &a [*a]", "are not plain YAML"),
        ("[" * 5000, "are not plain YAML"),
        ("task: detect\ntask: pose", "are not plain YAML\n.*duplicate key 'task'"),
        ("- detect", "the export's metadata are not a mapping"),
        ("a: " + "x" * 300_000, "the export's metadata are absurdly large\n.*\n300003 bytes"),
        ("a: \xff", "the export's metadata are not UTF-8 text"),
    ],
)  # fmt: skip
def test_hostile_metadata_are_refused(
    export: Path, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(export)
    (export / "metadata.yaml").write_bytes(text.encode("latin-1"))
    error = told(refusal(export))
    assert re.search(message, error), error
    assert not Path("canary").exists()


@pytest.mark.parametrize("name", ["small.bin", "small.xml", "metadata.yaml", "more"])
@pytest.mark.parametrize("is_relative", [True, False])
def test_no_file_of_a_folder_may_lie_elsewhere(export: Path, name: str, is_relative: bool) -> None:
    outside = export.parent / "outside"
    if name == "more":
        outside.mkdir()
    else:
        (export / name).rename(outside)
    (export / name).symlink_to(Path("..") / "outside" if is_relative else outside)
    assert told(refusal(export)) == f"a file of the export leads out of its folder\n{export}: {name}"
    if name in ("small.bin", "metadata.yaml"):
        assert refusal(export / "small.xml") is not None


def test_a_loop_of_links_ends(export: Path) -> None:
    (export / "loop").symlink_to(export / "loop")
    (export / "self").symlink_to(export)
    assert refusal(export) is not None


def test_links_within_a_folder_are_followed(export: Path) -> None:
    (export / "small.bin").rename(export / "blob")
    (export / "small.bin").symlink_to("blob")
    assert refusal(export) is None


def test_incomplete_folders(export: Path) -> None:
    (export / "other.xml").write_bytes((export / "small.xml").read_bytes())
    assert told(refusal(export)) == (
        f"the export folder is incomplete or mixed\n{export}: 2 .xml files where one should be"
    )
    (export / "other.xml").unlink()
    (export / "small.bin").unlink()
    assert told(refusal(export)) == f"the weights file is not there\n{export / 'small.bin'}"
    (export / "small.xml").unlink()
    assert told(refusal(export)) == f"the export folder is incomplete or mixed\n{export}: no .xml file"
    shutil.rmtree(export)
    assert told(refusal(export)) == f"the weights are not there\n{export}"


def test_code_that_lies_beside_is_told(export: Path) -> None:
    (export / "plugin.so").write_bytes(b"\x7fELF")
    (export / "deep").mkdir()
    (export / "deep" / "run.py").write_text("raise SystemExit")
    assert open_contents(export).facts["code_files"] == ["deep/run.py", "plugin.so"]
