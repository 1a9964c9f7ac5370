"""What an algorithm's configuration refuses, and what it takes where nothing is said."""

from typing import Any

import pytest
from pydantic import ValidationError

from backend.contract.config import AlgorithmConfig, RLConfig
from backend.contract.config.algorithm import ALGORITHM_DEFAULTS

GROUPS = {"responses_per_rl_step": 16, "responses_per_update": 8, "responses_per_prompt": 4}


def test_by_default_it_is_the_papers_algorithm() -> None:
    cfg = AlgorithmConfig()
    assert (cfg.name, cfg.aggregation, cfg.clip) == (
        "reinforce_plus_plus",
        "token_mean",
        (0.2, 0.2),
    )
    assert (cfg.prompts_per_rl_step, cfg.num_slices, cfg.samples_dynamically) == (896, 1, False)
    assert cfg.has_kl_loss
    assert not cfg.has_kl_reward


@pytest.mark.parametrize(
    "name", [name for name, own in ALGORITHM_DEFAULTS.items() if own.needs_groups]
)
def test_an_algorithm_that_compares_responses_refuses_one_per_prompt(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"name \({name}\).*responses_per_prompt.*not 1"):
        AlgorithmConfig.model_validate({"name": name})
    assert AlgorithmConfig.model_validate({"name": name, **GROUPS}).prompts_per_rl_step == 4


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        (
            {"responses_per_rl_step": 12, "responses_per_update": 5},
            "responses_per_update",
            r"responses_per_update \(5\) must divide responses_per_rl_step \(12\)",
        ),
        (
            {"responses_per_rl_step": 12, "responses_per_update": 4, "responses_per_prompt": 5},
            "responses_per_prompt",
            r"responses_per_prompt \(5\) must divide responses_per_rl_step \(12\)",
        ),
        (
            {"name": "maye_legacy", "responses_per_rl_step": 16, "responses_per_update": 8},
            "legacy_ranks",
            r"legacy_ranks \(7\) must divide responses_per_update \(8\)",
        ),
        (
            {
                "name": "maye_legacy",
                "legacy_ranks": 2,
                "responses_per_rl_step": 12,
                "responses_per_update": 4,
                "responses_per_prompt": 4,
            },
            "legacy_ranks",
            r"legacy_ranks \(2\) must divide responses_per_rl_step / responses_per_prompt",
        ),
        (
            {"dynamic_sampling": True},
            "responses_per_prompt",
            r"dynamic_sampling \(true\).*responses_per_prompt",
        ),
        (
            {"legacy_ranks": 7},
            "legacy_ranks",
            r"legacy_ranks \(7\) has no effect.*choose maye_legacy",
        ),
        (
            {"sapo_temperature_positive": 2.0},
            "sapo_temperature_positive",
            r"sapo_temperature_positive.*choose sapo",
        ),
        (
            {"name": "sapo", "clip_high": 0.2, **GROUPS},
            "clip_high",
            r"clip_high \(0\.2\) has no effect",
        ),
        (
            {"name": "cispo", "clip_low": 0.2, **GROUPS},
            "clip_low",
            r"clip_low \(0\.2\) has no effect",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_by_field_and_rule(
    settings: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        RLConfig.model_validate({"model": "m", "dataset": "d", "algorithm": settings})
    [error] = caught.value.errors()
    assert error["loc"] == ("algorithm", field)


def test_what_is_said_wins_over_the_algorithms_own() -> None:
    cfg = AlgorithmConfig.model_validate(
        {
            "name": "dapo",
            "clip_high": 0.4,
            "loss_aggregation": "constant",
            "dynamic_sampling": False,
            **GROUPS,
        }
    )
    assert (cfg.clip, cfg.aggregation, cfg.samples_dynamically) == ((0.2, 0.4), "constant", False)
    sapo = AlgorithmConfig.model_validate(
        {"name": "sapo", "sapo_temperature_negative": 3.0, **GROUPS}
    )
    assert sapo.sapo_temperatures == (1.0, 3.0)
