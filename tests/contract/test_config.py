"""The run configuration: closed, documented, checked across fields."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from backend.contract import config as config_module
from backend.contract.config import AlgorithmConfig, RLConfig, parse_config
from backend.contract.presets import load_presets

SFT = {"kind": "sft"}
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


def test_a_traced_response_must_be_one_of_the_step_and_both_numbers_are_named() -> None:
    algorithm = {"responses_per_rl_step": 4, "responses_per_update": 4}
    body: dict[str, Any] = {"model": "m", "dataset": "d", "algorithm": algorithm}
    body["trace"] = {"every_rl_steps": 1, "samples": [0, 4]}
    with pytest.raises(ValidationError, match=r"trace\.samples \(4\).*responses_per_rl_step \(4\)"):
        RLConfig.model_validate(body)
    # What is off needs no numbers that fit.
    RLConfig.model_validate(body | {"trace": {"every_rl_steps": 0, "samples": [0, 4]}})


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, r"algorithm\.responses_per_update \(28\)"), (SFT, r"supervised\.samples_per_update")],
)
def test_every_device_takes_part_in_every_update(body: dict[str, Any], field: str) -> None:
    body = {"model": "m", "dataset": "d", "parallel": {"devices": 65}, **body}
    rule = rf"parallel\.devices \(65\) must be at most {field}"
    with pytest.raises(ValidationError, match=rule) as caught:
        parse_config(body)
    [error] = caught.value.errors()
    assert error["loc"][-2:] == ("parallel", "devices")
    parse_config(body | {"parallel": {"devices": 28}})
