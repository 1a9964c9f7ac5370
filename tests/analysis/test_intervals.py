"""The intervals: by hand, and by how often they hold the true value."""

import math

import numpy as np
import pytest

from backend.analysis.intervals import fisher_z, student_t, welch_t, wilson


def test_wilson_by_hand():
    # z = 1.96, 50 of 100: centre 1/2, half width z sqrt(1/400 + z^2/40000) / (1 + z^2/100).
    low, high = wilson(50, 100)
    assert low == pytest.approx(0.40383, abs=1e-5)
    assert high == pytest.approx(0.59617, abs=1e-5)


def test_wilson_stays_within_0_and_1():
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10)[1] == pytest.approx(0.27753, abs=1e-5)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_share(successes: int, trials: int):
    with pytest.raises(ValueError, match="trial"):
        wilson(successes, trials)


def test_student_t_by_hand():
    # mean 2, s = 1, t(0.975, 2) = 4.30265.
    low, high = student_t([1.0, 2.0, 3.0]) or (math.nan, math.nan)
    assert low == pytest.approx(2 - 4.30265 / math.sqrt(3), abs=1e-4)
    assert high == pytest.approx(2 + 4.30265 / math.sqrt(3), abs=1e-4)


def test_student_t_of_a_single_run_is_not_defined():
    assert student_t([0.5]) is None
    assert student_t([]) is None


def test_welch_t_by_hand():
    # Variances 1 and 1 of three values each: 4 degrees of freedom, t(0.975, 4) = 2.77645.
    low, high = welch_t([1, 2, 3], [5, 6, 7]) or (math.nan, math.nan)
    assert low == pytest.approx(-4 - 2.77645 * math.sqrt(2 / 3), abs=1e-4)
    assert high == pytest.approx(-4 + 2.77645 * math.sqrt(2 / 3), abs=1e-4)
    assert welch_t([1], [5, 6]) is None
    assert welch_t([2, 2], [1, 1]) == (1.0, 1.0)


def test_fisher_z_by_hand():
    # atanh(0.5) = 0.549306, half width 1.959964 / sqrt(25) = 0.391993.
    low, high = fisher_z(0.5, 28) or (math.nan, math.nan)
    assert low == pytest.approx(math.tanh(0.157313), abs=1e-5)
    assert high == pytest.approx(math.tanh(0.941299), abs=1e-5)
    assert fisher_z(0.5, 3) is None
    assert fisher_z(1.0, 10) == (1.0, 1.0)
    with pytest.raises(ValueError, match="between -1 and 1"):
        fisher_z(1.1, 10)


@pytest.mark.parametrize("num_trials", [100, 200, 601])
def test_wilson_covers_the_truth_in_19_of_20_cases(num_trials: int):
    generator = np.random.default_rng(7)
    bounds = np.array([wilson(count, num_trials) for count in range(num_trials + 1)])
    shares = (np.arange(200) + 0.5) / 200
    counts = generator.binomial(num_trials, shares[:, None], size=(200, 500))
    held = (bounds[counts, 0] <= shares[:, None]) & (shares[:, None] <= bounds[counts, 1])
    assert 0.93 <= held.mean() <= 0.97


@pytest.mark.parametrize("num_seeds", [3, 5])
def test_student_t_covers_the_truth_in_19_of_20_cases(num_seeds: int):
    generator = np.random.default_rng(11)
    samples = generator.normal(0.4, 0.02, size=(4000, num_seeds))
    intervals = [student_t(list(sample)) for sample in samples]
    held = [low <= 0.4 <= high for low, high in filter(None, intervals)]
    assert len(held) == 4000
    assert 0.93 <= np.mean(held) <= 0.97


def test_fisher_z_covers_the_truth_in_19_of_20_cases():
    generator = np.random.default_rng(13)
    pairs = generator.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=(2000, 30))
    correlations = [float(np.corrcoef(sample.T)[0, 1]) for sample in pairs]
    intervals = [fisher_z(r, 30) for r in correlations]
    held = [low <= 0.6 <= high for low, high in filter(None, intervals)]
    assert 0.93 <= np.mean(held) <= 0.97
