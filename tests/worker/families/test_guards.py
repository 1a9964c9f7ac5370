"""The causes of "image tokens differ from image features", each with its guard, for every family.

The letters are those of the list in `docs/paper.md`.
"""

import dataclasses
import json
import shutil

import pytest
import torch
from PIL import Image

from backend.contract.config import DataConfig, TrainedPartsConfig
from backend.contract.datasets import Item
from backend.contract.errors import InvalidInputError, ModelInvalidError, TrainingError
from tests.worker.conftest import picture
from worker.data.collate import collate
from worker.data.datasets import picture_opener
from worker.data.prompts import encode_prompt, render_chat
from worker.data.survey import survey
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import response_logits
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import load_policy, load_processor

PLAIN = DataConfig(prompt_suffix="")


@pytest.fixture
def processor(picture_family_folder):
    return load_processor(picture_family_folder.path, None)


@pytest.fixture
def policy(picture_family_folder):
    policy = load_policy(picture_family_folder.path, torch.device("cpu"))
    freeze_parts(policy, TrainedPartsConfig())
    return policy


def problem(question: str = "How many?", row: int = 7) -> Item:
    return Item(id="p7", row=row, question=question, answer="1")


def encode(processor, image=None, question: str = "How many?", cfg: DataConfig = PLAIN):
    return encode_prompt(problem(question), image, processor=processor, cfg=cfg)


def test_guard_a_a_prompt_too_long_is_refused_by_row_and_never_truncated(processor):
    encoded = encode(processor, picture(0, (56, 56)))
    num_tokens, num_visual = len(encoded.input_ids), encoded.picture.num_tokens
    assert len(encode(processor, picture(0, (56, 56))).input_ids) == num_tokens
    cfg = DataConfig(prompt_suffix="", max_prompt_tokens=num_tokens)
    assert len(encode(processor, picture(0, (56, 56)), cfg=cfg).input_ids) == num_tokens
    cfg = DataConfig(prompt_suffix="", max_prompt_tokens=num_tokens - 1)
    message = (
        rf"row 7 \(p7\): .* {num_tokens} tokens, {num_visual} of them visual.*{num_tokens - 1}"
    )
    with pytest.raises(InvalidInputError, match=message):
        encode(processor, picture(0, (56, 56)), cfg=cfg)


def test_guard_b_the_policy_can_never_sample_tokens_that_stand_for_pictures(policy, processor):
    banned = torch.tensor(processor.banned_token_ids)
    assert processor.image_token_id in processor.banned_token_ids
    with torch.no_grad():
        head = policy.get_output_embeddings().weight
        head[banned] = 50 * head[banned].roll(1, dims=0) + 50 * torch.randn_like(head[banned])
    prompts = collate([encode(processor, picture(0, (56, 42)))], policy=policy, processor=processor)
    tokens = torch.tensor([[40]])
    with torch.no_grad():
        wanted = response_logits(policy, prompts, tokens, tokens.bool()).argmax()
    assert wanted in banned, "the model wants nothing else"
    sixteen = Decoding(num_samples=16, temperature=1.0, top_p=1.0, stream="rollout")
    engine = TransformersEngine(policy, processor, seed=0)
    [responses] = engine.generate(prompts, [sixteen], rl_step=1, max_tokens=12)
    assert not torch.isin(responses.tokens, banned).any()
    assert torch.isfinite(responses.rollout_logprobs).all()


def test_guard_c_placeholders_are_expanded_once_and_double_expansion_is_detected(processor):
    encoded = encode(processor, picture(0, (56, 42)))
    vision = processor.family.vision
    placeholder = processor.tokenizer.convert_tokens_to_ids(vision.placeholder)
    assert encoded.source.token_ids.count(placeholder) == 1
    visual = (encoded.input_ids == processor.image_token_id).sum()
    assert int(visual) == encoded.picture.num_tokens > 1
    # A template that writes the visual tokens by itself, as some servers' do.
    template = processor.tokenizer.chat_template
    processor.tokenizer.chat_template = template.replace(vision.placeholder, vision.placeholder * 4)
    with pytest.raises(InvalidInputError, match=r"row 7 \(p7\).*wrote 4 .* for 1 pictures"):
        encode(processor, picture(0, (56, 42)))


def test_guard_d_a_picture_is_counted_before_the_run_as_it_is_read_in_it(
    picture_family_folder, tmp_path
):
    """Filter and rollout share one image processor and one rule: any size, any pixel budget."""
    (tmp_path / "images").mkdir()
    items = []
    for index, size in enumerate([(28, 28), (30, 57), (100, 33), (64, 200), (301, 299), (9, 17)]):
        item = Item(id=f"p{index}", row=index + 1, question="?", answer="1", image=f"{index:064x}")
        exif = Image.Exif()
        exif[0x0112] = 6 if index == 2 else 1
        path = tmp_path / "images" / f"{index:064x}"
        picture(index, size).save(path, format="JPEG", exif=exif)
        items.append(item)
    for max_pixels in (None, 56 * 56, 80 * 80):
        processor = load_processor(picture_family_folder.path, max_pixels)
        for item in items:
            foretold = survey([item], tmp_path, processor=processor, cfg=PLAIN)
            opener = picture_opener(tmp_path, item)
            encoded = encode_prompt(item, opener, processor=processor, cfg=PLAIN)
            assert foretold == len(encoded.input_ids), (item.id, max_pixels)


def test_guard_d_an_image_processor_of_another_patch_size_is_refused_with_both_numbers(
    picture_family_folder, tmp_path
):
    shutil.copytree(picture_family_folder.path, tmp_path / "model")
    path = tmp_path / "model" / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    if "patch_size" in settings:
        settings["patch_size"] += 2
    elif "max_image_size" in settings:
        settings["max_image_size"]["longest_edge"] += 7
    else:
        settings["size"] = {"height": 35, "width": 35}
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelInvalidError, match=r"is \d+ in preprocessor_config.json and \d+ in"):
        load_processor(tmp_path / "model", None)


def test_guard_d_tokens_and_features_that_differ_are_refused_before_the_forward_with_the_numbers(
    policy, processor
):
    encoded = encode(processor, picture(0, (56, 42)))
    prompts = collate([encoded], policy=policy, processor=processor)
    [read] = prompts.pictures
    cut = dataclasses.replace(read, features=read.features[:, :-1])
    with pytest.raises(
        TrainingError,
        match=rf"p7: its prompt has {read.num_tokens} image tokens.* {read.num_tokens - 1} image",
    ):
        collate([dataclasses.replace(encoded, picture=cut)], policy=policy, processor=processor)
    ids = encoded.input_ids[encoded.input_ids != processor.image_token_id]
    with pytest.raises(TrainingError, match=rf"has 0 image tokens.* {read.num_tokens} image"):
        collate([dataclasses.replace(encoded, input_ids=ids)], policy=policy, processor=processor)


def test_guard_e_literal_vision_and_control_tokens_in_a_question_are_refused_by_row(processor):
    banned = processor.tokenizer.convert_ids_to_tokens(list(processor.banned_token_ids))
    for token in ["<image>", "<video>", processor.tokenizer.eos_token, *banned]:
        for image in (None, picture(0, (56, 42))):
            with pytest.raises(InvalidInputError, match=r"row 7 \(p7\): the question contains"):
                encode(processor, image, question=f"What is in {token}?")
        cfg = DataConfig(prompt_suffix=f" {token}")
        with pytest.raises(InvalidInputError, match=r"data\.prompt_suffix contains"):
            encode(processor, cfg=cfg)
    assert "3 < 4" in render_chat("Is 3 < 4 > 2 | 1?", False, processor)


def test_no_picture_is_dropped_in_silence(processor, policy, all_folders):
    encoded = [encode(processor, picture(i, (56, 42)) if i % 2 else None) for i in range(4)]
    prompts = collate(encoded, policy=policy, processor=processor)
    assert [p is not None for p in prompts.pictures] == [False, True, False, True]
    assert [s.image is not None for s in prompts.sources] == [False, True, False, True]
    reads_text_only = load_processor(all_folders["llama"].path, None)
    with pytest.raises(InvalidInputError, match=r"row 7 .*llama\) reads text only"):
        encode(reads_text_only, picture(0, (56, 42)))


def test_pictures_too_large_are_scaled_as_configured(picture_family_folder):
    free = load_processor(picture_family_folder.path, None)
    bound = load_processor(picture_family_folder.path, 28 * 28 * 2)
    large = picture(0, (400, 300))
    tokens = encode(free, large).picture.num_tokens
    fewer = encode(bound, large).picture.num_tokens
    if picture_family_folder.model_type == "gemma3":
        assert fewer == tokens == 4  # one size for all pictures
    else:
        assert fewer < tokens
    if picture_family_folder.model_type.startswith("qwen"):
        side = free.image_processor.patch_size * free.image_processor.merge_size
        assert fewer * side**2 <= 28 * 28 * 2


def test_a_pixel_limit_below_what_the_model_can_read_is_refused(all_folders):
    for name in ("smolvlm", "idefics3", "internvl", "gemma3"):
        with pytest.raises(InvalidInputError, match=r"max_image_pixels is 783.* 28 x 28 = 784"):
            load_processor(all_folders[name].path, 783)


@pytest.mark.parametrize("size", [(3000, 10), (10, 3000)])
def test_an_absurd_shape_is_refused_by_row_where_the_family_refuses_it(picture_family_folder, size):
    processor = load_processor(picture_family_folder.path, None)
    if picture_family_folder.model_type.startswith("qwen"):
        with pytest.raises(InvalidInputError, match=r"row 7 \(p7\): the picture of \d+ x \d+"):
            encode(processor, picture(0, size))
    else:
        assert encode(processor, picture(0, size)).picture.num_tokens <= 4 * 17


def test_the_survey_lists_every_row_that_would_be_refused(all_folders, tmp_path):
    processor = load_processor(all_folders["qwen2_5_vl"].path, None)
    items = [
        Item(id="good", row=1, question="Fine?", answer="1"),
        Item(id="marked", row=2, question="What is in <image>?", answer="1"),
        Item(id="long", row=3, question="x " * 200, answer="1"),
        Item(id="lost", row=4, question="Where?", answer="1", image="0" * 64),
    ]
    cfg = DataConfig(prompt_suffix="", max_prompt_tokens=100)
    with pytest.raises(InvalidInputError) as refusal:
        survey(items, tmp_path, processor=processor, cfg=cfg)
    message = refusal.value.message
    assert "row 2 (marked)" in message
    assert "row 3 (long)" in message
    assert "no picture 0000" in message
    assert "good" not in message
    assert survey(items[:1], tmp_path, processor=processor, cfg=cfg) > 5
