"""The benchmarks work: at a tiny size, and with the tokens that they compare equal."""

import pytest
import torch
from transformers import AutoTokenizer

from tests.bench import engine, gpu, ingest
from tests.bench.workload import load_workload, varying_lengths
from worker.workbench.base import BASE_FOLDER
from worker.workbench.model import build_config


def test_varying_lengths_average_forty_per_cent_of_the_longest():
    lengths = varying_lengths()
    assert max(lengths) == 128
    assert abs(sum(lengths) / len(lengths) / 128 - 0.4) < 0.01


def test_engine_and_generate_answer_with_the_same_tokens_of_known_lengths():
    work = load_workload(num_requests=6)
    lengths = [3, 9, 12, 2, 12, 5]
    ours, theirs = engine.respond(work, lengths), engine.generate(work, lengths)
    assert torch.equal(ours, theirs)
    ends = torch.isin(ours, torch.tensor(work.processor.end_token_ids))
    assert (ends.int().argmax(dim=1) + 1).tolist() == lengths


def test_the_gpu_benchmark_runs_at_a_tiny_shape():
    tokenizer = AutoTokenizer.from_pretrained(BASE_FOLDER)
    shape = gpu.Shape(
        config=build_config(tokenizer),
        num_rollouts=3,
        num_prompt_tokens=12,
        num_visual_tokens=4,
        num_response_tokens=5,
        rows_per_micro_batch=2,
        num_updates=1,
    )
    figures = gpu.run(shape, torch.device("cpu"), peak_flops=1e12)
    assert figures["rollout tokens/s"] > 0
    assert 0 < figures["update MFU"] < 1


def test_without_a_gpu_the_gpu_benchmark_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a CUDA device"):
        gpu.measure()


def test_the_ingest_benchmark_runs_at_a_tiny_size():
    with ingest.open_databases() as databases:
        for database in databases.values():
            assert ingest.measure_rate(database, 100, seconds=0.05) > 0
            live, _ = ingest.measure_age(database, seconds=0.4)
            num_steps = round(0.4 * ingest.STEPS_PER_S)
            assert live.num_points == ingest.NUM_RUNS * num_steps * ingest.NUM_KEYS
            assert len(live.ages_s) == len(live.sent_at)
            figures = ingest.measure_deletion(database, num_points=20_000)
            assert min(figures.values()) > 0
