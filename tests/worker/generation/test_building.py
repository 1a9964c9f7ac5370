"""The engine of a configuration: what cannot be had is refused, nothing falls back."""

import importlib.util

import pytest
import torch

from backend.contract.config import EngineConfig, RLConfig
from backend.contract.errors import TrainingError
from worker.generation.building import build_engine, longest_sequence
from worker.generation.transformers_engine import TransformersEngine
from worker.generation.vllm_start import engine_device


def config(**changes) -> RLConfig:
    body = {
        "model": "tiny",
        "dataset": "d",
        "precision": "float32",
        "data": {"max_prompt_tokens": 1024},
        "sampling": {"max_response_tokens": 100},
        "evaluation": {"max_response_tokens": 200},
    }
    return RLConfig.model_validate(body | changes)


def test_the_default_engine_decodes_with_the_policy(policy, processor, tiny_folder):
    engine = build_engine(config(engine={"max_rows": 7}), policy, processor, tiny_folder)
    assert isinstance(engine, TransformersEngine)
    assert engine._max_rows == 7


def test_vllm_that_is_not_installed_is_refused_with_the_command_that_installs_it(
    policy, processor, tiny_folder, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "vllm" else find(name)
    )
    with pytest.raises(TrainingError, match=r"vllm is not installed.*pip install vllm"):
        build_engine(config(engine={"name": "vllm"}), policy, processor, tiny_folder)


def test_the_longest_sequence_counts_prompt_and_the_longer_kind_of_response(policy):
    assert longest_sequence(config(), policy) == 1224


def test_more_tokens_than_the_model_has_positions_are_refused_with_all_numbers(policy):
    cfg = config(data={"max_prompt_tokens": 2000})
    with pytest.raises(TrainingError, match=r"\(2000\).*\(200\) make 2200 tokens.*2048 positions"):
        longest_sequence(cfg, policy)


def test_a_device_of_its_own_needs_a_second_gpu(monkeypatch):
    cfg = EngineConfig(name="vllm", placement="own_device")
    with pytest.raises(TrainingError, match="at least two GPUs"):
        engine_device(cfg, torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert engine_device(cfg, torch.device("cuda")) == torch.device("cuda", 3)
    with pytest.raises(TrainingError, match="at least two GPUs"):
        engine_device(cfg, torch.device("cuda", 3))
