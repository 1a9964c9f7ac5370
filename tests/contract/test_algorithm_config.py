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
    ("settings", "message"),
    [
        (
            {"responses_per_rl_step": 12, "responses_per_update": 4, "responses_per_prompt": 5},
            r"responses_per_prompt \(5\) must divide responses_per_rl_step \(12\)",
        ),
        (
            {"name": "maye_legacy", "responses_per_rl_step": 16, "responses_per_update": 8},
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
            r"legacy_ranks \(2\) must divide responses_per_rl_step / responses_per_prompt",
        ),
        ({"dynamic_sampling": True}, r"dynamic_sampling \(true\).*responses_per_prompt"),
        ({"legacy_ranks": 7}, r"legacy_ranks \(7\) has no effect.*choose maye_legacy"),
        ({"sapo_temperature_positive": 2.0}, r"sapo_temperature_positive.*choose sapo"),
        ({"name": "sapo", "clip_high": 0.2, **GROUPS}, r"clip_high \(0\.2\) has no effect"),
        ({"name": "cispo", "clip_low": 0.2, **GROUPS}, r"clip_low \(0\.2\) has no effect"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name_and_rule(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        AlgorithmConfig.model_validate(settings)


def test_an_overlong_buffer_longer_than_a_response_is_refused() -> None:
    body: dict[str, Any] = {
        "model": "m",
        "dataset": "d",
        "sampling": {"max_response_tokens": 8},
        "algorithm": {"overlong_buffer_tokens": 9},
    }
    with pytest.raises(ValidationError, match=r"overlong_buffer_tokens \(9\).*\(8\)"):
        RLConfig.model_validate(body)


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
