"""The run configuration: closed, documented, checked across fields."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from backend.contract import config as config_module
from backend.contract.config import AlgorithmConfig, RLConfig, parse_config
from backend.contract.presets import load_presets

SFT = {"kind": "sft"}
EVALUATION = {"kind": "evaluation"}
PARTS = [
    part
    for part in vars(config_module).values()
    if isinstance(part, type) and issubclass(part, BaseModel) and part.model_fields
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_has_a_description_that_is_a_sentence(part: type[BaseModel]) -> None:
    for name, field in part.model_fields.items():
        assert field.description, name
        assert field.description.rstrip().endswith("."), name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_part_is_closed_and_frozen(part: type[BaseModel]) -> None:
    assert part.model_config.get("extra") == "forbid"
    assert part.model_config.get("frozen") is True


def test_an_unknown_key_is_named_with_its_path() -> None:
    body: dict[str, Any] = {"model": "m", "dataset": "d", "algorithm": {"gamma": 1}}
    with pytest.raises(ValidationError, match=r"algorithm\.gamma"):
        RLConfig.model_validate(body)


def test_updates_must_divide_the_batch_and_both_numbers_are_named() -> None:
    with pytest.raises(ValidationError, match=r"\(3\) must divide.*\(8\)"):
        AlgorithmConfig(responses_per_rl_step=8, responses_per_update=3)
    algorithm = AlgorithmConfig(
        responses_per_rl_step=8, responses_per_update=4, passes_per_rl_step=3
    )
    assert algorithm.updates_per_rl_step == 6


def test_a_configuration_survives_json() -> None:
    config = RLConfig(model="m", dataset="d")
    assert RLConfig.model_validate_json(config.model_dump_json()) == config


def test_every_preset_is_a_valid_configuration_with_title_and_description() -> None:
    presets = load_presets()
    assert len({preset.slug for preset in presets}) == len(presets)
    for preset in presets:
        assert preset.title
        assert preset.description


def refusal(body: dict[str, Any]) -> tuple[tuple[str | int, ...], str]:
    """Where a run's body is refused, after its kind, and why."""
    with pytest.raises(ValidationError) as caught:
        parse_config({"model": "m", "dataset": "d", **body})
    [error] = caught.value.errors()
    return error["loc"][1:], error["msg"]


VLLM = {"engine": {"name": "vllm"}}
COLD = {"evaluation": {"decoding": [{"k": 1, "temperature": 1.0}, {"k": 1, "temperature": 0.001}]}}


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        (
            {
                "algorithm": {"responses_per_rl_step": 4, "responses_per_update": 4},
                "trace": {"every_rl_steps": 1, "samples": [0, 4]},
            },
            "trace samples 1",
            "trace.samples (4) must be less than algorithm.responses_per_rl_step (4)",
        ),
        (
            {
                "sampling": {"max_response_tokens": 8},
                "algorithm": {"overlong_buffer_tokens": 9},
            },
            "algorithm overlong_buffer_tokens",
            "must be at most sampling.max_response_tokens (8)",
        ),
        (
            {"engine": {"placement": "own_device"}},
            "engine placement",
            "no effect with engine.name transformers",
        ),
        (
            VLLM | {"sampling": {"top_p": 0.9}},
            "sampling top_p",
            "sampling.top_p (0.9) must be 1 with engine.name vllm",
        ),
        (
            VLLM | {"sampling": {"temperature": 0.001}},
            "sampling temperature",
            "temperature 0.001 is too low for engine.name vllm",
        ),
        (VLLM | COLD, "evaluation decoding 1 temperature", "temperature 0.001 is too low"),
        (
            SFT | VLLM | COLD,
            "evaluation decoding 1 temperature",
            "temperature 0.001 is too low",
        ),
        (
            EVALUATION | VLLM | COLD,
            "evaluation decoding 1 temperature",
            "temperature 0.001 is too low",
        ),
        (
            VLLM | {"parallel": {"devices": 2}},
            "parallel devices",
            "parallel.devices (2) must be 1; with more, choose transformers",
        ),
        (
            SFT | VLLM | {"parallel": {"devices": 2}},
            "parallel devices",
            "parallel.devices (2) must be 1; with more, choose transformers",
        ),
        (
            {"device": "cpu", "parallel": {"min_device_memory_gib": 40}},
            "parallel min_device_memory_gib",
            "parallel.min_device_memory_gib (40) has no effect with device cpu",
        ),
        (
            {"parallel": {"devices": 29}},
            "parallel devices",
            "parallel.devices (29) must be at most algorithm.responses_per_update (28)",
        ),
        (
            SFT | {"parallel": {"devices": 65}},
            "parallel devices",
            "parallel.devices (65) must be at most supervised.samples_per_update (64)",
        ),
    ],
)
def test_parts_that_cannot_work_together_are_refused_by_field_and_rule(
    body: dict[str, Any], path: str, words: str
) -> None:
    where, why = refusal(body)
    assert " ".join(str(key) for key in where) == path
    assert words in why


@pytest.mark.parametrize(
    "body",
    [
        # What is off needs no numbers that fit.
        {"trace": {"every_rl_steps": 0, "samples": [896]}},
        {"sampling": {"top_p": 0.9}},
        COLD,
        {"parallel": {"devices": 28}},
        SFT | {"parallel": {"devices": 64}},
    ],
)
def test_parts_that_work_together_are_taken(body: dict[str, Any]) -> None:
    parse_config({"model": "m", "dataset": "d", **body})
