"""Importance weights against the engine, worked out by hand.

One response of three tokens whose probability under the trainer is 4, 1/4 and 1 times the
engine's, and one of a single token with ratio 2; limit 3.

    token, truncate      3, 1/4, 1 and 2
    token, mask          0 (4 > 3), 0 (1/4 < 1/3), 1 and 2
    sequence             products 1 and 2: nothing is cut
    mean of the tokens' weights   (4 + 1/4 + 1 + 2) / 4 = 1.8125
    effective share      7.25^2 / (4 x (16 + 1/16 + 1 + 4)) = 52.5625 / 84.25
    mean |difference|    (ln 4 + ln 4 + 0 + ln 2) / 4 = 5 ln 2 / 4
    k3, d = log ratio    (4 - 1 - ln 4 + 1/4 - 1 + ln 4 + 0 + 2 - 1 - ln 2) / 4 = (3.25 - ln 2) / 4
"""

import math

import pytest
import torch

from backend.contract.config import MismatchConfig
from worker.rl.corrections import importance_weights, measure_drift

MASK = torch.tensor([[True, True, True], [True, False, False]])
TRAINER = torch.tensor([[4.0, 0.25, 1.0], [2.0, 1.0, 1.0]], dtype=torch.float64).log() * MASK
ENGINE = torch.zeros_like(TRAINER)


def config(correction, level="token", limit=3.0):
    return MismatchConfig(correction=correction, correction_level=level, correction_limit=limit)


def weights(*settings):
    result = importance_weights(TRAINER, ENGINE, MASK, config(*settings))
    assert result is not None
    return result


def test_without_a_correction_there_are_no_weights():
    assert importance_weights(TRAINER, ENGINE, MASK, config("none")) is None


def test_truncated_weights_are_held_at_the_limit_and_zero_on_padding():
    expected = torch.tensor([[3.0, 0.25, 1.0], [2.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(weights("truncate"), expected)


def test_masked_weights_are_zero_above_the_limit_and_below_its_inverse():
    expected = torch.tensor([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(weights("mask"), expected)


@pytest.mark.parametrize("correction", ["truncate", "mask"])
def test_a_response_has_the_product_of_its_tokens_weights(correction):
    expected = torch.tensor([[1.0, 1.0, 1.0], [2.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(weights(correction, "sequence"), expected)


def test_a_whole_response_is_cut_or_left_out():
    truncated = weights("truncate", "sequence", 1.5)
    assert truncated[1].tolist() == [1.5, 0.0, 0.0]
    masked = weights("mask", "sequence", 1.5)
    assert masked.tolist() == [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


def test_weights_carry_no_gradient():
    trainer = TRAINER.clone().requires_grad_()
    result = importance_weights(trainer, ENGINE, MASK, config("truncate"))
    assert result is not None
    assert not result.requires_grad


def test_drift_by_hand():
    drift = measure_drift(TRAINER, ENGINE, MASK, config("mask"))
    assert drift.mean == pytest.approx(5 * math.log(2) / 4)
    assert drift.largest == pytest.approx(math.log(4))
    assert drift.kl == pytest.approx((3.25 - math.log(2)) / 4)
    assert drift.importance_weight == pytest.approx(7.25 / 4)
    assert drift.effective_sample_frac == pytest.approx(52.5625 / 84.25)
    assert drift.corrected_frac == pytest.approx(2 / 4)
    assert measure_drift(TRAINER, ENGINE, MASK, config("truncate")).corrected_frac == 1 / 4
    assert measure_drift(TRAINER, ENGINE, MASK, config("none")).corrected_frac == 0.0


def test_drift_of_sequences_counts_responses():
    drift = measure_drift(TRAINER, ENGINE, MASK, config("truncate", "sequence", 1.5))
    assert drift.importance_weight == pytest.approx(1.5)
    assert drift.effective_sample_frac == pytest.approx(9 / (2 * 5))
    assert drift.corrected_frac == 1 / 2


def test_engine_and_trainer_that_agree_have_no_drift():
    drift = measure_drift(ENGINE, ENGINE, MASK, config("truncate"))
    assert (drift.mean, drift.largest, drift.kl, drift.corrected_frac) == (0, 0, 0, 0)
    assert (drift.importance_weight, drift.effective_sample_frac) == (1, 1)


def test_a_response_that_the_trainer_finds_impossibly_likely_leaves_the_means_finite():
    drift = measure_drift(ENGINE + 400, ENGINE, MASK, config("truncate", "sequence"))
    assert math.isfinite(drift.importance_weight)
    assert 0 < drift.effective_sample_frac <= 1
