"""The table of families: what it refuses, and that the API's list is the same."""

import json

import pytest
import torch

from backend.api.services.model_import import ARCHITECTURES, READERS_OF_PICTURES
from backend.contract.config import TrainedPartsConfig
from backend.contract.errors import ModelInvalidError
from tests.worker.families.tiny import RECIPES
from worker.modeling.families import FAMILIES
from worker.modeling.freezing import freeze_parts, part_of
from worker.modeling.loading import copy_reference, load_policy, load_processor


def test_api_worker_and_tests_know_the_same_families():
    assert {name: family.model_class.__name__ for name, family in FAMILIES.items()} == ARCHITECTURES
    assert {name for name, f in FAMILIES.items() if f.vision} == set(READERS_OF_PICTURES)
    assert set(RECIPES) == set(FAMILIES)


def test_an_unknown_family_is_refused_with_the_list_of_those_allowed(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    for load in (load_processor, load_policy):
        with pytest.raises(ModelInvalidError, match=r"'mamba', allowed: qwen2_vl, .*llama"):
            load(tmp_path, torch.device("cpu"))


def test_every_parameter_lies_in_one_part_and_every_part_has_some(family_folder):
    policy = load_policy(family_folder.path, torch.device("cpu"))
    family = FAMILIES[family_folder.model_type]
    parts = {part_of(name, family) for name, _ in policy.named_parameters()}
    expected = {"language_model"}
    expected |= {"vision_tower", "connector"} if family_folder.reads_pictures else set()
    is_tied = policy.config.get_text_config().tie_word_embeddings
    assert parts == expected | (set() if is_tied else {"lm_head"})


def test_a_reference_shares_what_is_frozen_and_copies_what_is_trained(family_folder):
    policy = load_policy(family_folder.path, torch.device("cpu"))
    trained = freeze_parts(policy, TrainedPartsConfig())
    reference = dict(copy_reference(policy).named_parameters())
    for name, parameter in policy.named_parameters():
        assert (reference[name] is parameter) == (name not in trained)
        assert not reference[name].requires_grad or name not in trained


def test_a_tied_lm_head_follows_the_language_model_and_says_so(all_folders, caplog):
    caplog.set_level("INFO")
    policy = load_policy(all_folders["qwen3_vl"].path, torch.device("cpu"))
    trained = freeze_parts(policy, TrainedPartsConfig(lm_head=False))
    assert "model.language_model.embed_tokens.weight" in trained
    assert "lm_head is the embedding itself" in caplog.text
    nothing = TrainedPartsConfig(language_model=False, lm_head=True)
    with pytest.raises(ModelInvalidError, match=r"nothing is trained.*is its embedding"):
        freeze_parts(policy, nothing)


def test_vision_parts_of_a_language_model_cannot_be_trained(all_folders):
    policy = load_policy(all_folders["qwen2"].path, torch.device("cpu"))
    with pytest.raises(ModelInvalidError, match="qwen2 reads text only"):
        freeze_parts(policy, TrainedPartsConfig(connector=True))
