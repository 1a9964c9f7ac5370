"""Packed and padded passes are the same in float64, and solutions alone carry the loss."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from tests.worker.sft.conftest import make_config
from worker.data.datasets import load_split
from worker.modeling.forward import response_logits
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import load_policy, load_processor
from worker.parallel.devices import Devices
from worker.sft import packing
from worker.sft.packing import padded_size, plan_rows
from worker.sft.targets import encode
from worker.sft.update import compute_gradient

CPU = torch.device("cpu")


def load_double(folder):
    policy = load_policy(folder, CPU).double()
    return policy, load_processor(folder, None)


def gradients(policy, batch, cfg):
    policy.zero_grad()
    loss, filled = compute_gradient(policy, batch, cfg, Devices.alone())
    grads = {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}
    return loss, grads, filled


@pytest.fixture
def lesson(home, tiny_folder):
    """The tiny model in float64, with a batch of all eight problems."""
    policy, processor = load_double(tiny_folder)
    cfg = make_config(supervised={"tokens_per_micro_batch": 512})
    freeze_parts(policy, cfg.trained)
    folder = home.dataset("made-here")
    items = load_split(folder, "train")
    return policy, encode(items, folder=folder, policy=policy, processor=processor, cfg=cfg), cfg


def changed(cfg, **supervised):
    return cfg.model_copy(update={"supervised": cfg.supervised.model_copy(update=supervised)})


def padded(cfg):
    return changed(cfg, packing=False)


def test_packed_and_padded_give_the_same_loss_and_gradient(lesson):
    policy, batch, cfg = lesson
    rows = plan_rows(batch.lengths, 512, is_packed=True)
    assert any(len(row) > 1 for group in rows for row in group)
    loss, grads, filled = gradients(policy, batch, cfg)
    expected_loss, expected, padded_filled = gradients(policy, batch, padded(cfg))
    assert loss == pytest.approx(expected_loss, abs=1e-12)
    assert set(grads) == set(expected)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], atol=1e-11, rtol=1e-9)
    assert filled > padded_filled


def test_the_split_into_passes_changes_nothing(lesson):
    policy, batch, cfg = lesson
    small = changed(cfg, tokens_per_micro_batch=64)
    loss, grads, _ = gradients(policy, batch, cfg)
    split_loss, split, _ = gradients(policy, batch, small)
    assert loss == pytest.approx(split_loss, abs=1e-12)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, split[name], atol=1e-11, rtol=1e-9)


def test_a_packed_row_whose_problems_see_each_other_would_be_noticed(lesson, monkeypatch):
    policy, batch, cfg = lesson
    expected, *_ = gradients(policy, batch, padded(cfg))

    def see_all(policy, tokens, mask, positions, pictures):
        open_mask = torch.ones_like(mask).tril()
        return packing_inputs(policy, tokens, open_mask, positions, pictures)

    packing_inputs = packing.sequence_inputs
    monkeypatch.setattr(packing, "sequence_inputs", see_all)
    loss, *_ = gradients(policy, batch, cfg)
    assert abs(loss - expected) > 1e-6


def test_the_loss_is_the_mean_cross_entropy_of_solution_tokens(lesson):
    policy, batch, cfg = lesson
    with torch.no_grad():
        logits = response_logits(policy, batch.prompts, batch.targets, batch.target_mask)
    expected = functional.cross_entropy(logits[batch.target_mask], batch.targets[batch.target_mask])
    loss, *_ = gradients(policy, batch, cfg)
    assert loss == pytest.approx(float(expected), abs=1e-10)


def test_what_stands_after_the_end_and_labels_of_prompts_carry_no_loss(lesson, monkeypatch):
    policy, batch, cfg = lesson
    expected, expected_grads, _ = gradients(policy, batch, padded(cfg))
    # Padding of targets is the only label that is not a solution: other tokens there, same loss.
    targets = torch.where(batch.target_mask, batch.targets, batch.targets[0, 0])
    loss, grads, _ = gradients(policy, replace(batch, targets=targets), padded(cfg))
    assert loss == pytest.approx(expected, abs=1e-12)
    seen = []
    predict = packing.predict
    monkeypatch.setattr(
        "worker.sft.update.predict", lambda *a: seen.append(predict(*a)) or seen[-1]
    )
    gradients(policy, batch, cfg)
    learnt = torch.cat([predictions.tokens for predictions in seen])
    assert sorted(learnt.tolist()) == sorted(batch.targets[batch.target_mask].tolist())
    assert all(torch.equal(grads[n], expected_grads[n]) for n in grads)


def test_rows_are_filled_longest_first_and_passes_stay_within_the_budget():
    lengths = [5, 2, 3, 4, 1, 5]
    passes = plan_rows(lengths, 20, is_packed=True)
    assert passes == [[[0, 5], [3, 2, 1, 4]]]
    assert [padded_size(rows, lengths) for rows in passes] == [20]
    # Room for 9 tokens only: rows of 9, each a pass.
    passes = plan_rows(lengths, 9, is_packed=True)
    assert passes == [[[0, 3]], [[5, 2, 4]], [[1]]]
    # A problem longer than the budget is a pass of its own.
    assert plan_rows([9, 3], 4, is_packed=True) == [[[0]], [[1]]]
