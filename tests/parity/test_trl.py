"""Every algorithm that TRL 1.16 has gives TRL's loss and gradient on the same random tensors.

TRL's own `_generate_and_score_completions` (advantages, importance weights) and `_compute_loss`
run, on a trainer made without `__init__` whose forward pass gives the drawn log-probabilities.
Ours are steps III and IV as they are, in several micro-batches.

Where the two differ, and how they are brought together here:

* CISPO: TRL's `epsilon_high` is the largest weight itself (5), our `clip_high` its distance from 1.
* Masked importance sampling: TRL has no lower limit unless one is given; ours is the inverse of
  the upper one.
* Truncated importance sampling: the same.
* k3: ours is held to 10 for each token (no token here comes near), TRL's is not held.
* RLOO: TRL puts k1 in the reward whenever beta is not 0; here that is a choice
  (`kl_estimator: k1`, `kl_placement: reward`).
* Several updates from one step: TRL's dapo and cispo divide by a share of the whole step's
  tokens, and its grpo, bnpo and dr_grpo average the means of micro-batches; ours divides by the
  update's own tokens or responses, whatever the micro-batches. With one update they are equal.
* bnpo is our token mean with GRPO's advantages.
* A response that no reward function could score has advantage 0 in TRL; here a failed judgement
  is worth 0 and counted (`reward/judge_failed_frac`).

TRL has no Reinforce++, Reinforce++-baseline or maye_legacy: `tests/golden` has their numbers.
"""

import pytest
import torch
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer

from tests.parity.made_up import make_step, maye, trl

CASES = {
    "grpo": ({"name": "grpo"}, {}),
    "dr_grpo": ({"name": "dr_grpo"}, {"loss_type": "dr_grpo", "scale_rewards": "none"}),
    "dapo": ({"name": "dapo"}, {"loss_type": "dapo", "epsilon_high": 0.28}),
    "bnpo": ({"name": "grpo", "loss_aggregation": "token_mean"}, {"loss_type": "bnpo"}),
    "cispo": ({"name": "cispo"}, {"loss_type": "cispo", "epsilon_high": 5.0}),
    "cispo, weights that are cut": (
        {"name": "cispo", "clip_high": 0.1},
        {"loss_type": "cispo", "epsilon_high": 1.1},
    ),
    "sapo": ({"name": "sapo"}, {"loss_type": "sapo"}),
    "gspo": (
        {"name": "gspo"},
        {"importance_sampling_level": "sequence", "epsilon_low": 3e-4, "epsilon_high": 4e-4},
    ),
    "gspo, ratios that are free": (
        {"name": "gspo", "clip_low": 0.1, "clip_high": 0.1},
        {"importance_sampling_level": "sequence", "epsilon_low": 0.1, "epsilon_high": 0.1},
    ),
}


def assert_equal(ours, theirs):
    assert ours.loss == pytest.approx(theirs.loss, abs=1e-5)
    torch.testing.assert_close(ours.gradient, theirs.gradient, atol=1e-5, rtol=0)
    assert theirs.gradient.abs().max() > 1e-3


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("case", CASES)
def test_losses_and_gradients_of_the_grpo_family_are_trls(case, beta, seed, monkeypatch):
    ours, theirs = CASES[case]
    step = make_step(seed)
    assert_equal(
        maye(step, monkeypatch, kl_coefficient=beta, **ours),
        trl(step, GRPOTrainer, beta=beta, **theirs),
    )


@pytest.mark.parametrize("case", CASES)
def test_the_only_update_of_a_step_is_trls_single_iteration(case, monkeypatch):
    """Neither makes a pass for the old policy, which is the present one."""
    ours, theirs = CASES[case]
    step = make_step(3)
    assert_equal(
        maye(step, monkeypatch, is_first_update=True, kl_coefficient=0.1, **ours),
        trl(step, GRPOTrainer, beta=0.1, num_iterations=1, **theirs),
    )


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_loss_and_gradient_of_rloo_are_trls(beta, seed, monkeypatch):
    step = make_step(seed)
    ours = maye(
        step,
        monkeypatch,
        name="rloo",
        kl_coefficient=beta,
        kl_estimator="k1",
        kl_placement="reward",
    )
    assert_equal(ours, trl(step, RLOOTrainer, beta=beta))


@pytest.mark.parametrize("case", ["grpo", "dapo", "cispo", "sapo"])
@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("correction", ["truncate", "mask"])
def test_importance_sampling_against_the_engine_is_trls(correction, level, case, monkeypatch):
    limit = 1.5
    ours, theirs = CASES[case]
    step = make_step(2)
    mismatch = {
        "correction": correction,
        "correction_level": level,
        "correction_limit": limit,
    }
    assert_equal(
        maye(step, monkeypatch, kl_coefficient=0.1, mismatch=mismatch, **ours),
        trl(
            step,
            GRPOTrainer,
            beta=0.1,
            use_vllm=True,
            vllm_importance_sampling_correction=True,
            vllm_importance_sampling_mode=f"{level}_{correction}",
            vllm_importance_sampling_clip_max=limit,
            vllm_importance_sampling_clip_min=1 / limit if correction == "mask" else None,
            **theirs,
        ),
    )
