"""The gate at start-up refuses an engine that answers as another model."""

import copy
from dataclasses import replace

import pytest
import torch

from backend.contract.config import RLConfig
from backend.contract.datasets import Item
from backend.contract.errors import TrainingError
from tests.worker.conftest import make_prompts
from tests.worker.rl.conftest import SMALL, make_run
from tests.worker.rl.spooled import metrics
from worker.generation.transformers_engine import TransformersEngine
from worker.rl.__main__ import run
from worker.rl.parity_gate import GATE_TOKENS, gate_items, pass_gate
from worker.rl.trajectory_generation import Models


def config(**changes) -> RLConfig:
    return RLConfig.model_validate(SMALL | {"sampling": {"max_response_tokens": 64}} | changes)


def gate(engine, policy, processor, cfg: RLConfig) -> float:
    models = Models(policy=policy, reference=None, processor=processor)
    return pass_gate(engine, models, make_prompts(policy, processor), cfg, rl_step=0)


class WrongByConstant:
    """Answers as the policy does, with log-probabilities that are off by a number."""

    def __init__(self, engine, error: float, *, only_pictures: bool = False) -> None:
        self._engine = engine
        self._error = error
        self._only_pictures = only_pictures

    def load_weights(self, policy) -> None:
        self._engine.load_weights(policy)

    def generate(self, prompts, decodings, *, rl_step, max_tokens):
        assert max_tokens == GATE_TOKENS
        [responses] = self._engine.generate(
            prompts, decodings, rl_step=rl_step, max_tokens=max_tokens
        )
        wrong = torch.full_like(responses.rollout_logprobs, self._error)
        if self._only_pictures:
            wrong[[source.image is None for source in prompts.sources]] = 0.0
        return [replace(responses, rollout_logprobs=responses.rollout_logprobs + wrong)]


def test_the_transformers_engine_passes_with_next_to_no_difference(policy, processor):
    engine = TransformersEngine(policy, processor, seed=0)
    assert gate(engine, policy, processor, config()) < 1e-4


def test_a_mean_difference_over_the_limit_is_refused_with_number_limit_and_causes(
    policy, processor
):
    engine = WrongByConstant(TransformersEngine(policy, processor, seed=0), -0.25)
    with pytest.raises(TrainingError) as caught:
        gate(engine, policy, processor, config())
    assert "is 0.2500 nats" in caught.value.message
    assert "gate_limit allows 0.05" in caught.value.message
    for cause in ("raw", "positions", "twice", "precision", "scaled", "stale"):
        assert cause in caught.value.message


def test_the_limit_is_the_configurations(policy, processor):
    engine = WrongByConstant(TransformersEngine(policy, processor, seed=0), 0.25)
    cfg = config(mismatch={"gate_limit": 0.3})
    assert gate(engine, policy, processor, cfg) == pytest.approx(0.25, abs=1e-4)


def test_problems_with_and_without_pictures_are_told_apart(policy, processor):
    engine = WrongByConstant(TransformersEngine(policy, processor, seed=0), 1.0, only_pictures=True)
    with pytest.raises(
        TrainingError, match=r"2 problems with pictures: 1\.0000, 1 problems without: 0\.0000"
    ):
        gate(engine, policy, processor, config())


def test_a_difference_that_is_no_number_does_not_pass(policy, processor):
    engine = WrongByConstant(TransformersEngine(policy, processor, seed=0), float("nan"))
    with pytest.raises(TrainingError, match="nan nats"):
        gate(engine, policy, processor, config())


def test_an_engine_with_stale_weights_is_refused(policy, processor):
    engine = TransformersEngine(copy.deepcopy(policy), processor, seed=0)
    with torch.no_grad():
        for parameter in policy.get_submodule("model.language_model").parameters():
            parameter.mul_(1.2)
    with pytest.raises(TrainingError, match="stale weights"):
        gate(engine, policy, processor, config())


def test_an_engine_that_leaves_the_temperature_out_is_refused(policy, processor):
    class Raw(TransformersEngine):
        def generate(self, prompts, decodings, *, rl_step, max_tokens):
            hot = [replace(decoding, temperature=1.0) for decoding in decodings]
            return super().generate(prompts, hot, rl_step=rl_step, max_tokens=max_tokens)

    cfg = config(sampling={"max_response_tokens": 64, "temperature": 0.5})
    with pytest.raises(TrainingError, match="does not apply the temperature"):
        gate(Raw(policy, processor, seed=0), policy, processor, cfg)


def test_the_gate_asks_problems_with_pictures_first():
    items = [
        Item(id=name, row=row, question="?", answer="1", image=image)
        for row, (name, image) in enumerate(
            [("a", None), ("b", "0" * 64), ("c", None), ("d", "1" * 64)], start=1
        )
    ]
    assert [item.id for item in gate_items(items, 3)] == ["b", "d", "a"]


def test_a_run_logs_its_gate_once_before_training(home):
    folder = make_run(home)
    run(home, folder, 1)
    logged = {step: v for (step, key), v in metrics(folder).items() if key == "policy/gate_drift"}
    assert list(logged) == [0]
    assert logged[0] < 1e-3


def test_a_run_whose_engine_is_wrong_ends_before_its_first_step(home, monkeypatch):
    def build(cfg, policy, processor, model_folder):
        del model_folder
        return WrongBySmallGate(TransformersEngine(policy, processor, seed=cfg.seed), 1.0)

    class WrongBySmallGate(WrongByConstant):
        def generate(self, prompts, decodings, *, rl_step, max_tokens):
            [responses] = self._engine.generate(
                prompts, decodings, rl_step=rl_step, max_tokens=max_tokens
            )
            return [replace(responses, rollout_logprobs=responses.rollout_logprobs + 1.0)]

    monkeypatch.setattr("worker.rl.__main__.build_engine", build)
    folder = make_run(home)
    with pytest.raises(TrainingError, match="engine transformers and trainer disagree"):
        run(home, folder, 1)
    assert not metrics(folder)
