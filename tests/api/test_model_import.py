import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from backend.api.services.model_import import import_model
from backend.contract.artifacts import Home
from backend.contract.errors import ConflictError, InvalidInputError, ModelInvalidError

CONFIG = {
    "model_type": "qwen2_5_vl",
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "vision_config": {"depth": 2},
}
TENSORS = {
    "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
    "b": {"dtype": "BF16", "shape": [5], "data_offsets": [48, 58]},
    "c": {"dtype": "I64", "shape": [], "data_offsets": [58, 66]},
}


def safetensors(tensors: dict[str, Any], num_data_bytes: int) -> bytes:
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(num_data_bytes)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"_internal": 1, "auto_map": 2}}}')
    (folder / "preprocessor_config.json").write_text('{"patch_size": 14}')
    (folder / "model.safetensors").write_bytes(safetensors(TENSORS, 66))
    return folder


def shard(folder: Path) -> dict[str, str]:
    """Split the weights into two files with an index."""
    (folder / "model.safetensors").unlink()
    first = {"a": TENSORS["a"]}
    second = {"b": {"dtype": "BF16", "shape": [5], "data_offsets": [0, 10]}}
    (folder / "model-1.safetensors").write_bytes(safetensors(first, 48))
    (folder / "model-2.safetensors").write_bytes(safetensors(second, 10))
    weight_map = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return weight_map


def refusal(folder: Path, home: Home) -> str:
    with pytest.raises(ModelInvalidError) as error:
        import_model(folder, "tiny", home)
    assert not home.model("tiny").exists()
    return error.value.message


def test_a_model_is_copied_and_its_parameters_counted(folder: Path, home: Home):
    model = import_model(folder, "tiny", home)
    assert model.architecture == "Qwen2_5_VLForConditionalGeneration"
    assert model.num_parameters == 3 * 4 + 5 + 1
    stored = {path.name: path.read_bytes() for path in home.model("tiny").iterdir()}
    assert stored == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert model.size_bytes == sum(map(len, stored.values()))
    assert [path.name for path in home.model("tiny").parent.iterdir()] == ["tiny"]


def test_shards_are_counted_by_their_index(folder: Path, home: Home):
    shard(folder)
    assert import_model(folder, "tiny", home).num_parameters == 17


def test_bookkeeping_of_downloads_is_not_copied(folder: Path, home: Home):
    (folder / ".cache").mkdir()
    (folder / "README.md").write_text("about")
    import_model(folder, "tiny", home)
    assert not (home.model("tiny") / ".cache").exists()
    assert (home.model("tiny") / "README.md").exists()


def test_an_existing_model_is_left_alone(folder: Path, home: Home):
    import_model(folder, "tiny", home)
    with pytest.raises(ConflictError, match="tiny exists already"):
        import_model(folder, "tiny", home)
    assert (home.model("tiny") / "config.json").exists()


@pytest.mark.parametrize("slug", ["../tiny", "", ".hidden", "Tiny", "a/b", "a\0", "x" * 65])
def test_a_slug_that_is_no_slug_never_becomes_a_path(folder: Path, home: Home, slug: str):
    with pytest.raises(InvalidInputError, match="slug"):
        import_model(folder, slug, home)
    assert not home.root.exists()


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "model.pt",
        "rng_state.pth",
        "data.pkl",
        "last.ckpt",
        "weights.npy",
        "modeling_custom.py",
        ".metadata",
        "model.h5",
        "model.gguf",
        "library.so",
        "adapter_config.json",
    ],
)
def test_a_file_that_can_carry_code_is_refused(folder: Path, home: Home, name: str):
    (folder / name).write_bytes(b"{}")
    assert name in refusal(folder, home)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("config.json", {**CONFIG, "auto_map": {"AutoModel": "x--y"}}, "auto_map"),
        ("config.json", {**CONFIG, "_attn_implementation_internal": "a/b"}, "_internal"),
        ("config.json", {**CONFIG, "vision_config": {"x_internal_y": 1}}, "_internal"),
        ("config.json", {**CONFIG, "layers": [{"auto_map": {}}]}, "auto_map"),
        ("preprocessor_config.json", {"auto_map": {}}, "auto_map"),
        ("tokenizer_config.json", {"auto_map": {}}, "auto_map"),
        ("config.json", {**CONFIG, "model_type": "mistral"}, "allowed: qwen2_vl, qwen2_5_vl, "),
        (
            "config.json",
            {**CONFIG, "model_type": ["qwen2_5_vl"]},
            "allowed: qwen2_vl, qwen2_5_vl, ",
        ),
        ("config.json", {}, "model_type None"),
        ("config.json", {**CONFIG, "architectures": ["Evil"]}, "architectures"),
        ("config.json", [], "no JSON object"),
        ("tokenizer.json", [], "no JSON object"),
    ],
)
def test_a_configuration_that_could_load_something_else_is_refused(
    folder: Path, home: Home, name: str, content: Any, reason: str
):
    (folder / name).write_text(json.dumps(content))
    assert reason in refusal(folder, home)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "preprocessor_config.json", "model.safetensors"]
)
def test_a_missing_file_is_named(folder: Path, home: Home, name: str):
    (folder / name).unlink()
    assert name in refusal(folder, home)


def test_links_folders_and_pipes_are_refused(folder: Path, home: Home):
    (folder / "LICENSE").symlink_to("/etc/passwd")
    assert "LICENSE is a link" in refusal(folder, home)
    (folder / "LICENSE").unlink()
    os.mkfifo(folder / "pipe.json")
    assert "pipe.json" in refusal(folder, home)
    (folder / "pipe.json").unlink()
    (folder / "original").mkdir()
    assert "original" in refusal(folder, home)
    assert "no folder" in refusal(folder / "nowhere", home)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut off"),
        (b"\x80\x02}q\x00.", "cut off"),
        (struct.pack("<Q", 2**63) + b"{}", "cut off"),
        (struct.pack("<Q", 5) + b"{}", "cut off"),
        (struct.pack("<Q", 2) + b"[]", "no JSON object"),
        (struct.pack("<Q", 2) + b"{]", "no JSON object"),
        (safetensors(TENSORS, 65), "cut off or padded"),
        (safetensors(TENSORS, 67), "cut off or padded"),
        (safetensors({}, 0), "no parameters"),
        (safetensors({"a": 1}, 0), "tensor 'a'"),
        (safetensors({"a": {**TENSORS["a"], "dtype": "OBJECT"}}, 48), "dtype 'OBJECT'"),
        (safetensors({"a": {**TENSORS["a"], "shape": [-3, 4]}}, 48), "tensor 'a'"),
        (safetensors({"a": {**TENSORS["a"], "shape": [3, 5]}}, 48), "its shape needs 60"),
        (safetensors({"a": {**TENSORS["a"], "data_offsets": [8, 56]}}, 56), "expected 0"),
        (safetensors({"a": {**TENSORS["a"], "data_offsets": [48, 0]}}, 48), "expected 0"),
        (safetensors({"a": TENSORS["a"], "b": TENSORS["a"]}, 48), "expected 48"),
        (safetensors({"a": {**TENSORS["a"], "code": "x"}}, 48), "tensor 'a'"),
    ],
)
def test_weights_that_are_no_safetensors_are_refused(
    folder: Path, home: Home, content: bytes, reason: str
):
    (folder / "model.safetensors").write_bytes(content)
    assert reason in refusal(folder, home)


def test_an_index_that_does_not_fit_its_shards_is_refused(folder: Path, home: Home):
    weight_map = shard(folder)
    index = folder / "model.safetensors.index.json"
    for changed, reason in [
        ({**weight_map, "a": "../model-1.safetensors"}, "bad name"),
        ({**weight_map, "a": "model-3.safetensors"}, "missing ['model-3.safetensors']"),
        ({"a": "model-1.safetensors"}, "unexpected ['model-2.safetensors']"),
        ({**weight_map, "z": "model-1.safetensors"}, "differ in ['z']"),
        ({"a": 1}, "weight_map"),
        (None, "weight_map"),
    ]:
        index.write_text(json.dumps({"weight_map": changed}))
        assert reason in refusal(folder, home)
