"""Qwen2.5-VL's own tokenizer, chat template and image processor: every expected value is met."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from worker.data.datasets import open_image
from worker.data.prompts import encode_prompt, render_chat
from worker.modeling.loading import Processor, load_processor


@pytest.fixture(scope="module")
def qwen(test_data: Path) -> Processor:
    return load_processor(test_data / "tokenizer_qwen2_5_vl", None)


def expected(test_data: Path, name: str) -> list[dict[str, Any]]:
    lines = (test_data / "tokenizer_qwen2_5_vl" / f"expected_{name}.jsonl").read_text()
    return [json.loads(line) for line in lines.splitlines()]


def test_special_tokens_are_qwens(qwen):
    assert qwen.image_token_id == 151655
    assert qwen.banned_token_ids == (151652, 151653, 151654, 151655, 151656)
    assert qwen.end_token_ids == (151643, 151645)
    assert qwen.pad_token_id == 151643


def test_all_29_texts_are_tokenized_and_decoded_as_expected(qwen, test_data):
    rows = expected(test_data, "tokenization")
    assert len(rows) == 29
    for row in rows:
        ids = qwen.tokenizer(row["text"], add_special_tokens=False)["input_ids"]
        assert ids == row["input_ids"], row["text"]
        assert qwen.tokenizer.decode(ids) == row["decoded"]
        assert qwen.tokenizer.decode(ids, skip_special_tokens=True) == row["skip_special"]


def test_all_12_chats_are_rendered_and_tokenized_as_expected(qwen, test_data):
    rows = expected(test_data, "chat_template")
    assert len(rows) == 12
    for row in rows:
        text = qwen.tokenizer.apply_chat_template(
            row["messages"],
            add_generation_prompt=row["add_generation_prompt"],
            add_vision_id=row["add_vision_id"],
            tokenize=False,
        )
        assert text == row["rendered"]
        assert qwen.tokenizer(text, add_special_tokens=False)["input_ids"] == row["input_ids"]


def test_our_prompts_are_the_expected_chats_with_one_user_turn(qwen, test_data, tmp_path):
    """With and without picture; the prompt's source holds the ids before expansion."""
    found = 0
    for row in expected(test_data, "chat_template"):
        [first, *more] = row["messages"]
        if more or not row["add_generation_prompt"] or first["role"] != "user":
            continue
        parts = first["content"]
        if isinstance(parts, str):
            parts = [{"type": "text", "text": parts}]
        kinds = [part["type"] for part in parts]
        if kinds not in (["text"], ["image", "text"]):
            continue
        question, has_image = parts[-1]["text"], kinds[0] == "image"
        assert render_chat(question, has_image, qwen) == row["rendered"]
        item = Item(id="a", row=1, question=question, answer="1")
        path = test_data / "clevr_math" / "images" / "CLEVR_val_000000.jpg"
        image = open_picture(path, tmp_path) if has_image else None
        prompt = encode_prompt(item, image, processor=qwen, cfg=DataConfig(prompt_suffix=""))
        assert list(prompt.source.token_ids) == row["input_ids"]
        visual = (prompt.input_ids == qwen.image_token_id).sum()
        assert int(visual) == (187 if has_image else 0)
        found += 1
    assert found == 2


def open_picture(path: Path, folder: Path) -> Any:
    """The picture as the trainer opens it: by its place in an imported data set."""
    name = f"{abs(hash(path)):064x}"
    (folder / "images").mkdir(exist_ok=True)
    (folder / "images" / name).symlink_to(path)
    return open_image(folder, Item(id="a", row=1, question="q", answer="1", image=name))


def test_all_expected_pictures_have_the_expected_patches(qwen, test_data, tmp_path):
    """Grids and counts of all seven; pixels of the five whose pictures lie in the data folder."""
    rows = expected(test_data, "image_processing")
    assert len(rows) == 7
    found = 0
    for row in rows:
        width, height = row["size"]
        merged = qwen.image_processor.merge_size**2
        patches = qwen.image_processor.get_number_of_image_patches(height, width)
        assert patches == math.prod(row["image_grid_thw"][0]), row["image"]
        assert patches // merged == row["n_image_tokens"]
        path = test_data / row["image"]
        if not path.exists():
            continue
        found += 1
        check_picture(open_picture(path, tmp_path), row, qwen)
    assert found == 5


def check_picture(image: Any, row: dict[str, Any], qwen: Processor) -> None:
    assert image.size == tuple(row["size"])
    read = qwen.image_processor(images=[image], return_tensors="pt")
    pixels = read["pixel_values"]
    assert read["image_grid_thw"].tolist() == row["image_grid_thw"]
    assert list(pixels.shape) == row["pixel_values_shape"]
    assert float(pixels.mean()) == pytest.approx(row["mean"], abs=1e-5)
    assert float(pixels.std()) == pytest.approx(row["std"], abs=1e-5)
    assert pixels[0, :8].tolist() == pytest.approx(row["first8"], abs=1e-5)
    assert float(pixels[100].sum()) == pytest.approx(row["row_100_sum"], abs=1e-2)
