"""Traces of real steps on a tiny model: true to the loss, whole or absent, bounded."""

import shutil
from typing import Any

import pytest
import torch

from backend.api.services.trace_file import open_trace
from backend.contract.traces import OFFSETS, TENSORS
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, samples
from worker.modeling.checkpoints import list_checkpoints
from worker.rl.__main__ import run
from worker.rl.trace_loss import read_trace, recompute_loss

QUICK = {
    "evaluation": {"decoding": [{"k": 1, "temperature": 0.01}], "permuted_control": False},
    "mismatch": {"gate_prompts": 1},
}
ALL = {"every_rl_steps": 1, "samples": []}
GROUPS = {"responses_per_prompt": 2}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper, KL in the reward, two passes": {
        "kl_placement": "reward",
        "kl_coefficient": 0.1,
        "kl_estimator": "k1",
        "passes_per_rl_step": 2,
        "discount": 0.9,
    },
    "no KL": {"kl_coefficient": 0.0},
    "legacy": {"name": "maye_legacy", "legacy_ranks": 2},
    "baseline": {"name": "reinforce_plus_plus_baseline", **GROUPS},
    "GRPO, k2": {"name": "grpo", "kl_estimator": "k2", "kl_coefficient": 0.1, **GROUPS},
    "Dr. GRPO": {"name": "dr_grpo", **GROUPS},
    "RLOO": {"name": "rloo", "loss_aggregation": "token_mean", **GROUPS},
    "GSPO": {"name": "gspo", "passes_per_rl_step": 2, **GROUPS},
    "CISPO": {"name": "cispo", **GROUPS},
    "SAPO": {"name": "sapo", **GROUPS},
}


def traced_run(home, **changes):
    folder = make_run(home, **(QUICK | {"trace": ALL} | changes))
    run(home, folder, 1)
    return folder


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_the_loss_recomputed_from_the_trace_is_the_logged_one(home, algorithm):
    mismatch = QUICK["mismatch"] | {"correction": "truncate", "correction_level": "sequence"}
    folder = traced_run(home, algorithm=algorithm, mismatch=mismatch, epochs=1)
    logged = metrics(folder)
    assert folder.find_traces()
    for rl_step, path in folder.find_traces().items():
        trace, tensors = read_trace(path)
        assert trace.loss == logged[rl_step, "policy/loss"]
        assert recompute_loss(trace, tensors) == pytest.approx(trace.loss, abs=1e-6)


def test_a_mean_kl_that_was_held_at_its_limit_gives_the_logged_loss_too(home, monkeypatch):
    for module in ("policy_update", "trace_loss"):
        monkeypatch.setattr(f"worker.rl.{module}.KL_LIMIT", 2e-4)
    legacy = {"name": "maye_legacy", "legacy_ranks": 2, "responses_per_update": 4}
    folder = traced_run(home, algorithm={**legacy, "kl_coefficient": 10.0, "passes_per_rl_step": 2})
    is_held = []
    for path in folder.find_traces().values():
        trace, tensors = read_trace(path)
        assert recompute_loss(trace, tensors) == pytest.approx(trace.loss, abs=1e-6)
        is_held += [entry.kl_weight == 0.0 for entry in trace.entries]
    assert any(is_held)
    assert not all(is_held)


def test_a_trace_that_lies_about_its_tokens_does_not_give_the_logged_loss(home):
    folder = traced_run(home, epochs=1)
    trace, tensors = read_trace(folder.find_traces()[1])
    changed = tensors | {"advantages": tensors["advantages"] + 0.01}
    assert abs(recompute_loss(trace, changed) - trace.loss) > 1e-4


def test_a_trace_of_some_responses_says_that_the_loss_needs_all(home):
    folder = traced_run(home, trace={"every_rl_steps": 1, "samples": [1, 3]}, epochs=1)
    trace, tensors = read_trace(folder.find_traces()[1])
    assert [sample.index for sample in trace.samples] == [1, 3]
    with pytest.raises(ValueError, match="2 of 4 are traced"):
        recompute_loss(trace, tensors)


def test_every_tensor_is_catalogued_and_as_long_as_its_rows(home):
    folder = traced_run(home, algorithm={"passes_per_rl_step": 2}, epochs=1)
    trace, tensors = read_trace(folder.find_traces()[2])
    dtypes = {"I32": torch.int32, "F32": torch.float32, "U8": torch.uint8}
    assert set(TENSORS) - set(tensors) == {"correction_weights"}
    for name, kind in TENSORS.items():
        if name in tensors:
            assert tensors[name].shape[-1] == tensors[OFFSETS[kind.rows]][-1], name
            assert tensors[name].dtype == dtypes[kind.dtype], name
    # Every response takes part once in each pass.
    assert len(trace.entries) == 2 * 4
    assert {u.pass_index for u in trace.updates} == {0, 1}
    assert [sorted(u.rows) for u in trace.updates] != []


def test_the_api_reads_what_the_trainer_wrote(home):
    folder = traced_run(home, epochs=1)
    path = folder.find_traces()[1]
    trace, tensors = read_trace(path)
    file = open_trace(path)
    assert file.trace == trace
    written = {sample.index: sample for sample in samples(folder) if sample.rl_step == 1}
    for row, sample in enumerate(trace.samples):
        begin, end = tensors["response_offsets"][row : row + 2].tolist()
        assert file.rows("advantages", row) == [tensors["advantages"][begin:end].tolist()]
        assert len(file.pieces("response", row)) == written[sample.index].num_response_tokens
        text = "".join(file.pieces("response", row))
        assert text.startswith(written[sample.index].response[:3])
        parts = sum(part.value * part.weight for part in sample.reward_parts)
        assert not sample.is_finished or parts == pytest.approx(sample.outcome)


def test_the_picture_is_found_in_the_prompt_and_text_has_none(home, processor):
    folder = traced_run(home, epochs=1)
    traces = [read_trace(path) for path in folder.find_traces().values()]
    found = {
        sample.item_id: (sample, trace, tensors, row)
        for trace, tensors in traces
        for row, sample in enumerate(trace.samples)
    }
    assert found["train-1"][0].image is None
    sample, _, tensors, row = found["train-0"]
    image = sample.image
    # 112 x 112 pixels: patches of 14, merged two by two.
    assert (image.patch_grid.height, image.patch_grid.width) == (8, 8)
    assert (image.merged_grid.height, image.merged_grid.width) == (4, 4)
    assert image.num_tokens == image.span_end - image.span_start == 16
    begin = int(tensors["prompt_offsets"][row])
    tokens = tensors["prompt_tokens"][begin + image.span_start : begin + image.span_end]
    assert (tokens == processor.image_token_id).all()
    positions = tensors["prompt_positions"][:, begin + image.span_start : begin + image.span_end]
    assert len({tuple(column) for column in positions.T.tolist()}) == 16


def test_a_traced_run_equals_an_untraced_one(home):
    plain, traced = make_run(home, **QUICK), make_run(home, **QUICK, trace=ALL)
    run(home, plain, 1)
    run(home, traced, 1)
    assert metrics(plain) == metrics(traced)
    assert not plain.traces.exists()


def test_a_resumed_run_writes_the_same_trace_again_under_its_own_fence(home):
    folder = traced_run(home)
    before = {step: read_trace(path) for step, path in folder.find_traces().items()}
    for path in list_checkpoints(folder.checkpoints):
        if not path.name.startswith("step-00000002"):
            shutil.rmtree(path)
    run(home, folder, 2)
    after = folder.find_traces()
    assert [path.name.split(".")[1] for path in after.values()] == ["f1", "f1", "f2", "f2"]
    assert sorted(folder.traces.iterdir()) == sorted(after.values())
    for step, path in after.items():
        trace, tensors = read_trace(path)
        assert trace.model_copy(update={"fence": 1}) == before[step][0]
        assert all(torch.equal(tensors[name], before[step][1][name]) for name in tensors)


def test_only_chosen_steps_are_traced_and_the_newest_are_kept(home):
    folder = traced_run(home, trace={"every_rl_steps": 3, "samples": [0]})
    assert list(folder.find_traces()) == [1, 4]
    folder = traced_run(home, trace={"every_rl_steps": 1, "samples": [0], "keep": 2})
    assert list(folder.find_traces()) == [3, 4]
