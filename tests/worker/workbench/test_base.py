"""The tokenizer, the model and the base checkpoint that comes with the repository."""

import json

import pytest
import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerFast,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from worker.workbench.base import BASE_FOLDER, RECORD_FILE, load_base, read_settings_hash
from worker.workbench.corpus import NUM_VISUAL_TOKENS, patchify, render_prompt
from worker.workbench.datasets import build_published
from worker.workbench.drawing import draw_scene
from worker.workbench.measuring import Sampling, generate_responses
from worker.workbench.model import build_image_processor
from worker.workbench.pretraining import PretrainingSettings, compute_learning_rate
from worker.workbench.problems import PROMPT_SUFFIX


@pytest.fixture(scope="module")
def base() -> tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerFast]:
    return load_base()


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(BASE_FOLDER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  two  spaces\n\ttab ",
        "Grüße, 世界! 🧮",
        "\\frac{1}{2} 3.14",
        "a\x00b\r\n",
        "é e\u0301",
    ],
)
def test_any_text_survives_the_tokenizer(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_prompt_has_qwens_chat_form(tokenizer: PreTrainedTokenizerFast) -> None:
    content = [{"type": "image"}, {"type": "text", "text": "How many?"}]
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>How many?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    own = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes"},
    ]
    assert tokenizer.apply_chat_template(own, tokenize=False) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nYes<|im_end|>\n"
    )


def test_special_tokens_are_those_of_the_config(
    base: tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerFast],
) -> None:
    model, tokenizer = base
    ids = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    assert model.config.image_token_id == tokenizer.convert_tokens_to_ids("<|image_pad|>")
    assert model.config.vision_start_token_id == tokenizer.convert_tokens_to_ids("<|vision_start|>")
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.pad_token == "<|endoftext|>"
    assert model.generation_config.eos_token_id == [ids["<|im_end|>"], ids["<|endoftext|>"]]
    assert len(tokenizer) == model.config.text_config.vocab_size <= 1024


def test_fast_patches_equal_the_processors() -> None:
    processor = Qwen2VLImageProcessorPil.from_pretrained(BASE_FOLDER)
    problem, scene = build_published()[0].splits["validation"][0]
    picture = draw_scene(scene)
    encoded = processor(images=[Image.fromarray(picture)], return_tensors="pt")
    assert encoded["image_grid_thw"].tolist() == [[1, 8, 8]]
    assert encoded["image_grid_thw"].prod().item() // 4 == NUM_VISUAL_TOKENS
    own = build_image_processor()
    fast = patchify(
        torch.from_numpy(picture)[None], torch.tensor(own.image_mean), torch.tensor(own.image_std)
    )
    torch.testing.assert_close(fast, encoded["pixel_values"], atol=1e-5, rtol=1e-5)
    assert problem.scene == scene


def test_prompts_fit_in_80_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    for dataset in build_published()[:2]:
        rows = [row for split in dataset.splits.values() for row in split]
        prompts = [render_prompt(problem.question, tokenizer) for problem, _ in rows]
        assert all(PROMPT_SUFFIX in prompt for prompt in prompts)
        assert max(map(len, tokenizer(prompts)["input_ids"])) <= 80


def test_base_answers_with_boxed_numbers(
    base: tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerFast],
) -> None:
    model, tokenizer = base
    shown = build_published()[0].splits["validation"][:16]
    responses = generate_responses(model, tokenizer, shown, Sampling(temperature=0.0))
    assert sum("\\boxed{" in response for response in responses) >= 15


def test_shipped_base_was_made_with_the_default_settings() -> None:
    record = json.loads((BASE_FOLDER / RECORD_FILE).read_text(encoding="utf-8"))
    assert read_settings_hash(BASE_FOLDER) == PretrainingSettings().compute_hash()
    assert record["measured"]["workbench-vision/validation"]["greedy"] > 0.2


def test_learning_rate_warms_up_and_falls_to_a_twentieth() -> None:
    rates = [
        compute_learning_rate(step, steps=100, largest=1.0, warmup_steps=10) for step in range(101)
    ]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.05)
