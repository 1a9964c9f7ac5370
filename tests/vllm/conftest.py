"""vLLM beside the policy that it answers for, on the tiny random model of the worker's tests.

Run by `make test-vllm` in an environment of its own; `make test` does not collect this folder.
"""

from pathlib import Path

import pytest
import torch

from backend.contract.config import EngineConfig, RLConfig
from tests.worker.conftest import picture, policy, processor, tiny_folder  # noqa: F401
from tests.worker.rl.conftest import home  # noqa: F401
from worker.data.collate import collate
from worker.data.prompts import encode_prompt
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.generation.vllm_engine import VllmEngine
from worker.generation.vllm_start import Start
from worker.modeling.loading import Processor
from worker.rl.trajectory_generation import measure_responses
from worker.tensors.batches import Prompts, Responses

GREEDY = Decoding(num_samples=1, temperature=0.01, top_p=0.001, stream="greedy")
FOUR = Decoding(num_samples=4, temperature=1.0, top_p=1.0, stream="rollout")
SIZES = ((112, 112), None, (100, 90), (301, 77))
"""Sizes of the prompts' pictures: as the model takes it, no picture, and two that are scaled."""


def start(folder: Path) -> Start:
    return Start(
        folder=folder,
        cfg=EngineConfig(name="vllm"),
        seed=3,
        precision="float32",
        max_tokens=512,
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="session")
def shared_engine(tiny_folder: Path, processor: Processor) -> VllmEngine:  # noqa: F811
    return VllmEngine(processor, start(tiny_folder))


@pytest.fixture
def engine(shared_engine: VllmEngine, policy) -> VllmEngine:  # noqa: F811
    """The engine with the weights of a fresh policy, whatever the test before has sent."""
    policy.requires_grad_(True)
    shared_engine.load_weights(policy)
    return shared_engine


def make_prompts(policy, processor: Processor, sizes=SIZES) -> Prompts:  # noqa: F811
    encoded = [
        encode_prompt(
            item(index),
            None if size is None else picture(index, size),
            processor=processor,
            cfg=config().data,
        )
        for index, size in enumerate(sizes)
    ]
    return collate(encoded, policy=policy, processor=processor)


def item(index: int):
    from backend.contract.datasets import Item

    question = ("How many circles?", "What is 3 plus 4, and why is it not the same as 5?")
    return Item(id=f"p{index}", row=index + 1, question=question[index % 2], answer="1")


def config(**changes) -> RLConfig:
    body = {
        "model": "tiny",
        "dataset": "made-here",
        "precision": "float32",
        "data": {"prompt_suffix": "\nAnswer in \\boxed{}."},
        "engine": {"name": "vllm"},
    }
    return RLConfig.model_validate(body | changes)


def largest_difference(policy, processor, prompts: Prompts, responses: Responses) -> float:  # noqa: F811
    """Between the engine's log-probabilities and the trainer's of the same tokens."""
    samples = len(responses.texts) // len(prompts)
    rows = [row for row in range(len(prompts)) for _ in range(samples)]
    scored, _ = measure_responses(
        policy,
        prompts.select(rows),
        responses,
        cfg=config(),
        banned=processor.banned_token_ids,
    )
    return float((scored - responses.rollout_logprobs).abs().max())


def assert_agrees(engine: VllmEngine, policy, processor, prompts: Prompts) -> None:  # noqa: F811
    """Greedy tokens are the transformers engine's; sampled ones have the trainer's probability."""
    theirs, sampled = engine.generate(prompts, [GREEDY, FOUR], rl_step=1, max_tokens=16)
    reference = TransformersEngine(policy, processor, seed=3)
    [ours] = reference.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    assert theirs.texts == ours.texts
    assert torch.equal(theirs.tokens, ours.tokens)
    assert largest_difference(policy, processor, prompts, sampled) < 1e-3
