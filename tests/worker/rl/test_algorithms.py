"""Every algorithm on a real, tiny model: its gradient knows nothing of micro-batches."""

from dataclasses import replace

import pytest
import torch

from backend.contract.config import RLConfig
from backend.contract.config.algorithm import ALGORITHM_DEFAULTS
from tests.worker.conftest import make_prompts
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import copy_reference
from worker.modeling.optimizer import build_optimizer
from worker.rewards.judge import Verdict
from worker.rewards.scoring import Reward
from worker.rl.aggregation import shuffled_parts
from worker.rl.algorithms import ALGORITHMS
from worker.rl.policy_update import compute_gradient
from worker.rl.trajectory_generation import Models, build, measure_together
from worker.rl.types import Answers, Batch
from worker.tensors.batches import Responses

GROUP = 3
LENGTHS = (1, 9, 4, 6, 6, 2, 3, 8, 5)


def config(**algorithm):
    return RLConfig.model_validate(
        {
            "model": "m",
            "dataset": "d",
            "precision": "float32",
            "sampling": {"max_response_tokens": 9},
            "algorithm": {
                "responses_per_rl_step": 9,
                "responses_per_update": 9,
                "responses_per_prompt": GROUP,
                "kl_coefficient": 0.1,
                **algorithm,
            },
        }
    )


def make_answers(prompts):
    """Three random responses to each of three prompts, one of them without a picture."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)
    rewards = torch.randint(0, 2, (len(LENGTHS),), generator=generator).tolist()
    return Answers(
        batch=Batch(items=(None,) * 3, prompts=prompts).repeated(GROUP),
        responses=Responses(
            tokens=torch.randint(30, 90, mask.shape, generator=generator),
            response_mask=mask,
            rollout_logprobs=-3 * torch.rand(mask.shape, generator=generator) * mask,
            is_finished=torch.ones(len(LENGTHS), dtype=torch.bool),
            texts=("",) * len(LENGTHS),
        ),
        rewards=tuple(
            Reward({"accuracy": float(r)}, float(r), Verdict(bool(r), None)) for r in rewards
        ),
        responses_per_prompt=GROUP,
    )


@pytest.fixture
def models(policy, processor):
    freeze_parts(policy, RLConfig(model="m", dataset="d").trained)
    reference = copy_reference(policy)
    with torch.no_grad():
        for parameter in reference.get_submodule("model.language_model").parameters():
            if parameter.dim() == 2:
                parameter.mul_(0.95)
    return Models(policy=policy, reference=reference, processor=processor)


def gradient(models, trajectory, cfg):
    parameters = [p for p in models.policy.parameters() if p.requires_grad]
    [part] = shuffled_parts(trajectory.responses.num_tokens, cfg, 1)
    optimizer = build_optimizer(parameters, cfg.optimizer)
    sums, _ = compute_gradient(models, optimizer, trajectory, part, cfg)
    return sums, torch.cat([p.grad.flatten() for p in parameters])


def build_after_some_updates(models, cfg):
    """A trajectory whose ratios are not 1, so that clips and gates have work to do.

    The policy, and what it reads, are in float64 afterwards.
    """
    prompts = make_prompts(models.policy, models.processor)
    answers = make_answers(prompts)
    trajectory = build(models, answers, cfg)
    now = measure_together(models, models.policy, answers.batch.prompts, answers.responses, cfg)
    models.policy.double()
    prompts = make_prompts(models.policy, models.processor)
    trajectory = replace(trajectory, prompts=make_answers(prompts).batch.prompts)
    noise = 0.4 * torch.randn(
        trajectory.advantages.shape, generator=torch.Generator().manual_seed(1)
    )
    old = now.logprobs + noise * trajectory.response_mask
    return replace(trajectory, policy=replace(now, logprobs=old))


SPLITS = [
    *((name, {}) for name in ALGORITHMS),
    ("grpo", {"loss_aggregation": "constant"}),
    ("gspo", {"loss_aggregation": "token_mean", "clip_low": 0.1, "clip_high": 0.1}),
    ("rloo", {"kl_estimator": "k1", "kl_placement": "reward"}),
    ("reinforce_plus_plus", {"kl_estimator": "k2", "loss_aggregation": "response_mean"}),
]


@pytest.mark.parametrize(("name", "settings"), SPLITS, ids=str)
def test_the_gradient_does_not_depend_on_the_micro_batches(name, settings, models, processor):
    if name == "maye_legacy":
        settings = {**settings, "legacy_ranks": 3}
    whole = config(name=name, tokens_per_micro_batch=100_000, **settings)
    small = config(name=name, tokens_per_micro_batch=64, **settings)
    trajectory = build_after_some_updates(models, whole)
    sums, expected = gradient(models, trajectory, whole)
    sums_in_parts, got = gradient(models, trajectory, small)
    assert sums_in_parts == pytest.approx(sums, rel=1e-9, abs=1e-12)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)
    assert expected.abs().max() > 1e-6


def test_the_table_has_every_algorithm_that_can_be_configured():
    assert ALGORITHMS.keys() == ALGORITHM_DEFAULTS.keys()


def test_the_correction_weighs_the_surrogate_and_not_the_kl(models, processor):
    """Tokens that are all left out give no gradient but the KL's."""
    cfg = config()
    trajectory = build_after_some_updates(models, cfg)
    left_out = replace(trajectory, importance_weights=torch.zeros_like(trajectory.advantages))
    sums, got = gradient(models, left_out, cfg)
    only_kl = replace(trajectory, advantages=torch.zeros_like(trajectory.advantages))
    _, expected = gradient(models, only_kl, cfg)
    assert sums[0] == 0.0
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-15)


def test_the_observer_sees_every_term_of_the_loss(models, processor):
    cfg = config(tokens_per_micro_batch=64)
    trajectory = build_after_some_updates(models, cfg)
    [part] = shuffled_parts(trajectory.responses.num_tokens, cfg, 1)
    optimizer = build_optimizer(
        [p for p in models.policy.parameters() if p.requires_grad], cfg.optimizer
    )
    sums, seen = compute_gradient(models, optimizer, trajectory, part, cfg)
    assert sorted(place for places, _ in seen for place in places) == list(range(len(LENGTHS)))
    loss = sum(
        float((term.corrected_loss.double().sum(dim=1) * term.loss_weights).sum())
        + float((term.kl_loss.double().sum(dim=1) * term.kl_weights).sum())
        for _, term in seen
    )
    assert loss == pytest.approx(float(sums[-1]), abs=1e-12)


def test_maye_legacy_holds_the_mean_kl_of_a_slice_which_then_gives_no_gradient(models):
    """One rank's reference is far off: its KL counts as 10 and pulls at nothing."""
    cfg = config(name="maye_legacy", legacy_ranks=3)
    trajectory = build_after_some_updates(models, cfg)
    [part] = shuffled_parts(trajectory.responses.num_tokens, cfg, 1)
    optimizer = build_optimizer(
        [p for p in models.policy.parameters() if p.requires_grad], cfg.optimizer
    )
    _, seen = compute_gradient(models, optimizer, trajectory, part, cfg)
    now = torch.zeros(trajectory.advantages.shape, dtype=torch.float64)
    for places, term in seen:
        now[[part.rows[i] for i in places], : term.logprobs.shape[1]] = term.logprobs
    far, here = (trajectory.reference_logprobs.double() for _ in range(2))
    far[:GROUP] = now[:GROUP] + 5.0
    here[:GROUP] = now[:GROUP]
    far_sums, got = gradient(models, replace(trajectory, reference_logprobs=far), cfg)
    here_sums, expected = gradient(models, replace(trajectory, reference_logprobs=here), cfg)
    assert far_sums[1] == pytest.approx(here_sums[1] + 10 / 3)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)
