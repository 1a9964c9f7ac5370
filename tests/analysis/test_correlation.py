"""Length against reflection."""

import numpy as np
import pytest
from curves_by_hand import make_run

from backend.analysis import keys
from backend.analysis.arms import cells
from backend.analysis.correlation import correlation_estimate, length_against_reflection
from backend.analysis.published import published_settings


def test_r_by_hand():
    # Deviations (-1, 0, 1) and (-1, 1, 0): r = 1 / 2.
    estimate = correlation_estimate([1, 2, 3], [1, 3, 2])
    assert estimate is not None
    assert estimate.value == pytest.approx(0.5)
    assert (estimate.low, estimate.num_observations) == (None, 3)


def test_a_curve_that_does_not_vary_has_no_r():
    assert correlation_estimate([1, 2, 3], [5, 5, 5]) is None
    assert correlation_estimate([1], [2]) is None


def test_published_correlations():
    found = {}
    for setting in published_settings():
        estimate = correlation_estimate(
            setting.curve("response_length"), setting.curve("reflection_ratio")
        )
        assert estimate is not None
        found[setting.model, setting.dataset] = round(estimate.value, 2)
    assert found == {
        ("Qwen2-VL-7B", "mm_math5k"): 0.75,
        ("Qwen2.5-VL-7B", "mm_math5k"): 0.77,
        ("Qwen2-VL-7B", "geometry3k"): 0.69,
        ("Qwen2.5-VL-7B", "geometry3k"): 0.39,
    }


def test_interval_of_autocorrelated_curves_is_honest():
    """Two unrelated slow curves: the interval holds 0 in about 19 of 20 cases, not in few."""
    generator = np.random.default_rng(3)
    noise = generator.normal(size=(400, 2, 200))
    curves = np.zeros_like(noise)
    for step in range(1, noise.shape[2]):
        curves[:, :, step] = 0.9 * curves[:, :, step - 1] + noise[:, :, step]
    held = []
    for x, y in curves:
        estimate = correlation_estimate(x, y)
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        held.append(estimate.low <= 0 <= estimate.high)
    assert 0.88 <= np.mean(held) <= 0.98


def test_seeds_are_averaged_first():
    def run(seed: int, lengths: list[float], ratios: list[float]):
        steps = range(1, 4)
        series = {
            keys.RESPONSE_LENGTH: list(zip(steps, lengths, strict=True)),
            keys.REFLECTION_RATIO: list(zip(steps, ratios, strict=True)),
        }
        return make_run("rl", seed, series=series)

    runs = [run(0, [1, 2, 3], [0.0, 0.4, 0.1]), run(1, [1, 2, 3], [0.2, 0.2, 0.3])]
    (found,) = length_against_reflection(cells(runs, ()))
    assert found.r is not None
    assert found.r.value == pytest.approx(0.5)  # mean ratios 0.1, 0.3, 0.2


def test_only_rl_settings_have_one():
    assert length_against_reflection(cells([make_run("sft"), make_run("vanilla")], ())) == ()
