"""Runs that cannot work are refused at submission, by field, with the rule and its numbers."""

from typing import Any

import pytest
from api_caller import SMALL, TINY, Api, write_model

from backend.api.services.run_checks import read_model_facts


def refusal(api: Api, config: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("runs", {"name": "x", "config": {**SMALL, **config}})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    fields = answer.json()["fields"]
    assert len(fields) == 1
    return fields[0]


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        (
            {"trained": {"language_model": False, "lm_head": False}},
            ["trained", "language_model"],
            "nothing would be trained",
        ),
        (
            {"trained": {"language_model": False}},
            ["trained", "lm_head"],
            "lm_head of model 'tiny' is its embedding",
        ),
        (
            {"trained": {"language_model": False, "vision_tower": True}, "lora": {}},
            ["lora"],
            "trained.language_model (false)",
        ),
        ({"lora": {"target_modules": []}}, ["lora", "target_modules"], "at least 1"),
        ({"lora": {"target_modules": ["a", "a"]}}, ["lora", "target_modules", 1], "distinct"),
        (
            {"engine": {"gpu_memory_frac": 0.7}},
            ["engine", "gpu_memory_frac"],
            "no effect with engine.name transformers",
        ),
        ({"engine": {"name": "vllm", "max_rows": 7}}, ["engine", "max_rows"], "engine.name vllm"),
        (
            {"data": {"max_prompt_tokens": 7000}},
            ["sampling", "max_response_tokens"],
            "at most 8192",
        ),
        (
            {"algorithm": {"responses_per_rl_step": 4, "responses_per_update": 4}},
            ["algorithm", "responses_per_rl_step"],
            "the 2 problems of split train",
        ),
        (
            {"reward": {"accuracy_weight": 0, "language_weight": 0}},
            ["reward", "accuracy_weight"],
            "at least one part",
        ),
        (
            {"reward": {"length_weight": 1.0, "length_budget_tokens": 4096}},
            ["reward", "length_budget_tokens"],
            "sampling.max_response_tokens (2048)",
        ),
        ({"reward": {"format": True}}, ["reward", "format"], "not permitted"),
    ],
)
def test_the_field_is_named_with_the_rule(
    api: Api, config: dict[str, Any], path: list[str | int], words: str
) -> None:
    if path == ["sampling", "max_response_tokens"]:
        config = {**config, "evaluation": {"max_response_tokens": 64}}
    field = refusal(api, config)
    assert field["path"] == ["config", *path]
    assert words in field["message"]


def test_evaluations_must_fit_the_models_positions_too(api: Api) -> None:
    field = refusal(api, {"evaluation": {"max_response_tokens": 4097}})
    assert field["path"] == ["config", "evaluation", "max_response_tokens"]
    assert "got 8193" in field["message"]
    api.create_run(evaluation={"max_response_tokens": 4096})


def test_a_model_that_reads_text_only_gets_no_pictures_and_trains_no_tower(api: Api) -> None:
    home = api.platform.settings.paths
    write_model(home, {name: value for name, value in TINY.items() if name != "vision_config"})
    assert refusal(api, {})["path"] == ["config", "dataset"]
    field = refusal(api, {"trained": {"vision_tower": True}})
    assert field["path"] == ["config", "trained", "vision_tower"]


def test_a_model_whose_files_are_gone_is_refused(api: Api) -> None:
    (api.platform.settings.paths.model("tiny") / "config.json").unlink()
    field = refusal(api, {})
    assert field["path"] == ["config", "model"]
    assert "gone or damaged" in field["message"]


def test_facts_are_read_from_flat_and_nested_configurations() -> None:
    flat = read_model_facts({"max_position_embeddings": 128000, "vision_config": {}})
    assert (flat.max_positions, flat.has_vision, flat.ties_head) == (128000, True, False)
    nested = read_model_facts({"text_config": {"max_position_embeddings": 7}, "vision_config": {}})
    assert nested.max_positions == 7
    assert read_model_facts({"text_config": {"tie_word_embeddings": True}}).ties_head
    assert read_model_facts({}).max_positions is None
