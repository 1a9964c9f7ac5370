"""How every family reads prompts: the engine, the trainer and transformers' own call agree."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.models.gemma3.processing_gemma3 import Gemma3Processor
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.internvl.processing_internvl import InternVLProcessor
from transformers.models.smolvlm.processing_smolvlm import SmolVLMProcessor

from backend.contract.config import DataConfig, TrainedPartsConfig
from backend.contract.datasets import Item
from tests.worker.conftest import QUESTIONS, picture
from worker.data.collate import collate
from worker.data.prompts import encode_prompt
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import response_hidden, response_logits
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import load_policy, load_processor
from worker.tensors.logprobs import processed_logits, token_logprobs

FROZEN = TrainedPartsConfig()
ALL = TrainedPartsConfig(vision_tower=True, connector=True)


def load(folder):
    return load_policy(folder.path, torch.device("cpu")), load_processor(folder.path, None)


@pytest.fixture
def loaded(family_folder):
    return load(family_folder)


@pytest.fixture
def reader(picture_family_folder):
    """The same of families that read pictures."""
    return load(picture_family_folder)


def encode(loaded, index: int, has_image: bool, size=(56, 42)):
    item = Item(id=f"p{index}", row=index + 1, question=QUESTIONS[index], answer="1")
    image = picture(index, size) if has_image else None
    return encode_prompt(item, image, processor=loaded[1], cfg=DataConfig(prompt_suffix=""))


def mixed_prompts(loaded, reads_pictures: bool):
    encoded = [
        encode(loaded, index, reads_pictures and index != 1, (56 + 28 * index, 42))
        for index in range(3)
    ]
    return collate(encoded, policy=loaded[0], processor=loaded[1])


def test_engine_and_trainer_give_the_same_logprobs_of_texts(loaded):
    freeze_parts(loaded[0], FROZEN)
    check_logprobs(loaded, mixed_prompts(loaded, reads_pictures=False))


@pytest.mark.parametrize("trained", [FROZEN, ALL], ids=["features", "pixels"])
def test_mixed_batches_of_texts_and_pictures_have_the_same_logprobs_in_engine_and_trainer(
    reader, trained
):
    freeze_parts(reader[0], trained)
    prompts = mixed_prompts(reader, reads_pictures=True)
    assert [picture is None for picture in prompts.pictures] == [False, True, False]
    check_logprobs(reader, prompts)


def check_logprobs(loaded, prompts) -> None:
    """Sample with the engine and score with the trainer's forward."""
    policy, processor = loaded
    rollout = Decoding(num_samples=2, temperature=1.0, top_p=1.0, stream="rollout")
    engine = TransformersEngine(policy, processor, seed=0)
    [responses] = engine.generate(prompts, [rollout], rl_step=1, max_tokens=12)
    twice = prompts.select([0, 0, 1, 1, 2, 2])
    with torch.no_grad():
        logits = response_logits(policy, twice, responses.tokens, responses.response_mask)
    banned = processor.banned_token_ids
    logprobs = token_logprobs(processed_logits(logits, 1.0, banned), responses.tokens)
    torch.testing.assert_close(
        logprobs * responses.response_mask, responses.rollout_logprobs, atol=2e-4, rtol=0
    )
    assert not torch.isin(responses.tokens, torch.tensor(banned or [-1])).any()


def test_logits_are_those_of_transformers_own_call_on_pixels(loaded, family_folder):
    """No padding, no positions, no features given: the model works them out by itself."""
    policy, processor = loaded
    freeze_parts(policy, FROZEN)
    tokens = torch.tensor([[40, 41, 42]])
    mask = torch.ones_like(tokens, dtype=torch.bool)
    for has_image in {False, family_folder.reads_pictures}:
        encoded = encode(loaded, 0, has_image)
        prompts = collate([encoded], policy=policy, processor=processor)
        ids = torch.cat([prompts.input_ids, tokens], dim=1)
        kinds = (ids == processor.image_token_id).int() if has_image else None
        own: dict[str, Any] = {} if encoded.picture is None else dict(encoded.picture.patches)
        if "image_grid_thw" in own:
            own["mm_token_type_ids"] = kinds
        if family_folder.model_type == "gemma3" and has_image:
            own["token_type_ids"] = kinds
        with torch.no_grad():
            ours = response_logits(policy, prompts, tokens, mask)
            theirs = policy(input_ids=ids, **own).logits[:, -4:-1]
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_picture_changes_what_is_answered(reader):
    policy, processor = reader
    freeze_parts(policy, FROZEN)
    tokens = torch.tensor([[40, 41]])
    logits = []
    for index in (0, 5):
        item = Item(id="a", row=1, question="How many?", answer="1")
        cfg = DataConfig(prompt_suffix="")
        encoded = encode_prompt(item, picture(index, (56, 42)), processor=processor, cfg=cfg)
        prompts = collate([encoded], policy=policy, processor=processor)
        with torch.no_grad():
            logits.append(response_logits(policy, prompts, tokens, tokens.bool()))
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_hidden_states_and_output_projection_give_the_logits(loaded, family_folder):
    policy, _ = loaded
    prompts = mixed_prompts(loaded, family_folder.reads_pictures)
    tokens = torch.randint(30, 60, (3, 5), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        logits = response_logits(policy, prompts, tokens, mask)
        hidden = response_hidden(policy, prompts, tokens, mask)
    assert hidden.states.shape == (3, 5, 32)
    again = torch.nn.functional.linear(hidden.states, hidden.weight, hidden.bias)
    torch.testing.assert_close(again, logits, atol=1e-5, rtol=1e-5)


TILES = {
    "image_seq_len": 4,
    "fake_image_token": "<fake_token_around_image>",
    "image_token": "<image>",
    "global_image_token": "<global-img>",
    "global_image_tag": "<global-img>",
}
CONTEXT = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "image_token": "<IMG_CONTEXT>",
    "image_seq_length": 4,
}
WHOLE = f"\n\n<start_of_image>{'<image_soft_token>' * 4}<end_of_image>\n\n"


@pytest.mark.parametrize(
    ("model_type", "writer", "settings"),
    [
        ("smolvlm", SmolVLMProcessor, TILES),
        ("idefics3", Idefics3Processor, TILES),
        ("internvl", InternVLProcessor, CONTEXT),
        ("gemma3", Gemma3Processor, {"full_image_sequence": WHOLE}),
    ],
)
@pytest.mark.parametrize("size", [(56, 56), (20, 20), (84, 28), (28, 112)])
def test_visual_tokens_are_written_as_the_familys_own_processor_writes_them(
    all_folders, model_type, writer, settings, size
):
    """transformers' processors need torchvision to be built; the method that writes does not."""
    processor = load_processor(all_folders[model_type].path, None)
    vision = processor.family.vision
    image = picture(0, size)
    read = processor.image_processor(images=[image], return_tensors="pt", **vision.options)
    theirs = writer.replace_image_token(SimpleNamespace(**settings), read, 0)
    assert vision.expansion(read, processor.config) == theirs
    blocks = read["pixel_values"].flatten(0, -4).shape[0]
    assert theirs.count(vision.visual_token) == 4 * blocks
