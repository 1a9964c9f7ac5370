"""Groups, replaced prompts, overlong responses and the forwards of the reference."""

from types import SimpleNamespace

import pytest
import torch

from backend.contract.config import RLConfig
from backend.contract.datasets import Item
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, samples
from worker.rewards.judge import Verdict
from worker.rewards.scoring import Reward
from worker.rl import response_collection
from worker.rl.__main__ import run
from worker.rl.dynamic_sampling import replace_uninformative
from worker.rl.policy_metrics import group_metrics
from worker.rl.trajectory_generation import overlong_penalties
from worker.rl.types import Answers, Batch
from worker.tensors.batches import Responses

GROUPS = {"responses_per_rl_step": 8, "responses_per_update": 4, "responses_per_prompt": 4}


class FakePrompts:
    """Prompts that only know their rows."""

    def __init__(self, names):
        self.names = tuple(names)

    def select(self, rows):
        return FakePrompts(self.names[row] for row in rows)


def encode(items):
    return Batch(items=tuple(items), prompts=FakePrompts(item.id for item in items))


def answers_to(names, width=2):
    """Two responses each; a problem's name says which are right ("rw": right, then wrong)."""
    items = [Item(id=name, row=1, question="?", answer="1") for name in names]
    marks = [mark for name in names for mark in name[:2]]
    return Answers(
        batch=encode(items).repeated(2),
        responses=Responses(
            tokens=torch.full((len(marks), width), len(names)),
            response_mask=torch.ones(len(marks), width, dtype=torch.bool),
            rollout_logprobs=torch.zeros(len(marks), width),
            is_finished=torch.ones(len(marks), dtype=torch.bool),
            texts=tuple(f"{name}/{k}" for name in names for k in (0, 1)),
        ),
        rewards=tuple(
            Reward({}, float(mark == "r"), Verdict(is_correct=mark == "r", extracted_answer=None))
            for mark in marks
        ),
        responses_per_prompt=2,
    )


def resampled(own, others, max_rounds=3):
    asked = []

    def answer(items):
        asked.append([item.id for item in items])
        return answers_to([item.id for item in items], width=3)

    candidates = [Item(id=name, row=1, question="?", answer="1") for name in others]
    result = replace_uninformative(
        answers_to(own),
        answer=answer,
        encode=encode,
        candidates=candidates,
        max_rounds=max_rounds,
    )
    return result, asked


def test_prompts_all_right_or_all_wrong_are_replaced_until_none_is_left():
    result, asked = resampled(["rw-1", "rr-2", "ww-3"], ["rr-4", "wr-5", "rw-6", "rw-7"])
    assert asked == [["rr-4", "wr-5"], ["rw-6"]]
    assert [item.id for item in result.batch.items[::2]] == ["rw-1", "wr-5", "rw-6"]
    assert result.batch.prompts.names == ("rw-1", "rw-1", "wr-5", "wr-5", "rw-6", "rw-6")
    assert result.responses.texts == ("rw-1/0", "rw-1/1", "wr-5/0", "wr-5/1", "rw-6/0", "rw-6/1")
    assert [reward.outcome for reward in result.rewards] == [1, 0, 0, 1, 1, 0]
    assert result.responses.response_mask.sum(dim=1).tolist() == [2, 2, 3, 3, 3, 3]
    assert group_metrics(result) == {
        "policy/uninformative_frac": 0.0,
        "policy/replaced_prompts": 3.0,
        "policy/sampling_exhausted": 0.0,
    }


@pytest.mark.parametrize("others", [["rr-4", "rr-5", "rw-6"], ["rr-4"]])
def test_at_its_bound_the_step_keeps_what_is_there_and_says_so(others):
    result, asked = resampled(["rw-1", "rr-2"], others, max_rounds=2)
    assert len(asked) == min(2, len(others))
    assert [item.id for item in result.batch.items[::2]] == ["rw-1", "rr-2"]
    logged = group_metrics(result)
    assert logged["policy/sampling_exhausted"] == 1.0
    assert logged["policy/uninformative_frac"] == 0.5


def test_a_step_without_uninformative_prompts_asks_nobody():
    result, asked = resampled(["rw-1", "wr-2"], ["rw-3"])
    assert asked == []
    assert result.num_replaced == 0


def test_a_group_is_one_request_with_as_many_samples():
    asked = []

    class FakeEngine:
        def generate(self, prompts, decodings, *, rl_step, max_tokens):
            asked.append((prompts, decodings, rl_step, max_tokens))
            return ["responses"]

    cfg = RLConfig.model_validate({"model": "m", "dataset": "d", "algorithm": GROUPS})
    batch = SimpleNamespace(prompts="each prompt once")
    assert response_collection.collect(FakeEngine(), batch, cfg, rl_step=3) == "responses"
    [(prompts, [decoding], rl_step, _)] = asked
    assert (prompts, decoding.num_samples, rl_step) == ("each prompt once", 4, 3)


def test_an_overlong_response_loses_a_growing_part():
    """Longest 10, buffer 4 (DAPO, Eq. 13): nothing up to 6, then a quarter for each token."""
    penalties = overlong_penalties(torch.tensor([1, 6, 7, 8, 10]), longest=10, buffer=4)
    assert penalties.tolist() == [0.0, 0.0, -0.25, -0.5, -1.0]


def test_dapo_runs_with_groups_resampling_overlong_shaping_and_correction(home):
    folder = make_run(
        home,
        algorithm={"name": "dapo", "overlong_buffer_tokens": 4, **GROUPS},
        mismatch={"correction": "truncate"},
    )
    run(home, folder, 1)
    logged = metrics(folder)
    for key in (
        "policy/uninformative_frac",
        "policy/replaced_prompts",
        "policy/sampling_exhausted",
        "policy/corrected_frac",
        "policy/effective_sample_frac",
        "reward/overlong",
    ):
        assert (1, key) in logged, key
    items = [sample.item_id for sample in samples(folder) if sample.rl_step == 1]
    assert len(items) == 8
    assert items[0] == items[3] != items[4] == items[7]


def test_maye_legacy_runs_with_the_kl_in_the_reward(home):
    folder = make_run(
        home, algorithm={"name": "maye_legacy", "legacy_ranks": 2, "kl_placement": "reward"}
    )
    run(home, folder, 1)
    logged = metrics(folder)
    assert (1, "policy/kl_reward") in logged
    assert (1, "policy/kl_loss") not in logged


@pytest.mark.parametrize("coefficient", [0.0, 0.01])
def test_the_reference_is_read_only_where_the_kl_counts(home, monkeypatch, coefficient):
    from worker.rl import trajectory_generation

    read = []
    measure = trajectory_generation.measure_together

    def count(models, model, *rest):
        read.append(model is models.policy)
        return measure(models, model, *rest)

    monkeypatch.setattr(trajectory_generation, "measure_together", count)
    folder = make_run(home, epochs=1, algorithm={"kl_coefficient": coefficient})
    run(home, folder, 1)
    assert read == ([True, False] * 2 if coefficient else [True] * 2)
