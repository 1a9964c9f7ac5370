"""Claims on runs whose numbers are known: true, false and not decidable."""

from itertools import pairwise

import numpy as np
import pytest
from curves_by_hand import PASS_1, PASS_1_TEST, make_run, solved_of

from backend.analysis import keys
from backend.analysis.arms import cells
from backend.analysis.comparisons import over_problems
from backend.analysis.findings import build_findings
from backend.analysis.report import Finding
from backend.analysis.seed_variance import seed_share


def vanilla(decoded=PASS_1, solved: int = 20, of: int = 100, status: str = "succeeded"):
    return make_run(
        "vanilla",
        status=status,
        accuracy={decoded: [(0.0, solved / of)]},
        solved={decoded: solved_of(solved, of)},
    )


def trained(kind, *solved: int, decoded=PASS_1, of: int = 100, status: str = "succeeded"):
    """A run for each number of solved problems, the same in all epochs."""
    return [
        make_run(
            kind,
            seed,
            status=status,
            accuracy={decoded: [(1.0, number / of), (2.0, number / of)]},
            solved={decoded: solved_of(number, of)},
        )
        for seed, number in enumerate(solved)
    ]


def found(runs, name: str) -> list[Finding]:
    return [f for f in build_findings(cells(runs, ())) if f.name == name]


def verdict(runs, name: str) -> str:
    (finding,) = found(runs, name)
    return finding.verdict


def test_rl_beats_vanilla_where_the_intervals_are_apart():
    runs = [vanilla(), *trained("rl", 60, 61, 62)]
    (finding,) = found(runs, "rl-beats-vanilla")
    assert finding.verdict == "true"
    assert finding.claim == (
        "rl beats vanilla (workbench-base on workbench-vision; validation, pass@1 at T = 0.6)"
    )
    assert "61.0 % (58.5 to 63.5)" in finding.sentence
    assert "vanilla 20.0 % (13.3 to 28.9)" in finding.sentence
    assert finding.estimates["over problems"].value == pytest.approx(0.41)
    assert finding.estimates["over problems"].num_observations == 100


def test_rl_below_vanilla_is_false_and_not_merely_undecided():
    runs = [vanilla(solved=80), *trained("rl", 40, 41, 42)]
    assert verdict(runs, "rl-beats-vanilla") == "false"
    assert verdict(runs, "rl-consistently-beats-vanilla") == "false"


@pytest.mark.parametrize(
    "runs",
    [
        [vanilla(), *trained("rl", 21, 22, 24)],  # overlap
        [vanilla(), *trained("rl", 20, 60, 95)],  # seeds too far from each other
        [vanilla(), *trained("rl", 90)],  # one seed
        [vanilla(of=10, solved=1), *trained("rl", 9, 9, 10, of=10)],  # ten problems
        [vanilla(), *trained("rl", 60, 61, 62, status="running")],
        [vanilla(status="running"), *trained("rl", 60, 61, 62)],
        trained("rl", 60, 61, 62),
    ],
)
def test_too_little_data_decides_nothing(runs):
    assert verdict(runs, "rl-beats-vanilla") == "not decidable"


def test_both_tests_must_agree():
    """Over epochs far above vanilla, but at the last evaluation no better, problem by problem."""
    fallen = [
        make_run(
            "rl",
            seed,
            accuracy={PASS_1: [(1.0, 0.6 + seed / 100), (2.0, 0.2)]},
            solved={PASS_1: solved_of(20, 100)},
        )
        for seed in range(3)
    ]
    (finding,) = found([vanilla(), *fallen], "rl-beats-vanilla")
    assert "do not overlap" in finding.sentence
    assert finding.verdict == "not decidable"


def test_consistently_means_every_setting():
    both = {d: [(0.0, 0.2)] for d in (PASS_1, PASS_1_TEST)}
    base = make_run("vanilla", accuracy=both, solved={d: solved_of(20, 100) for d in both})
    runs = [base, *trained("rl", 60, 61, 62)]
    assert [f.verdict for f in found(runs, "rl-beats-vanilla")] == ["true", "not decidable"]
    (finding,) = found(runs, "rl-consistently-beats-vanilla")
    assert finding.verdict == "not decidable"
    assert "2 comparisons 1 are true, 0 false and 1 not decidable" in finding.sentence


def test_rl_beats_sft_on_test():
    rl, sft = (60, 61, 63), (40, 42, 41)
    runs = [*trained("rl", *rl, decoded=PASS_1_TEST), *trained("sft", *sft, decoded=PASS_1_TEST)]
    (finding,) = found(runs, "rl-beats-sft-on-test")
    assert finding.verdict == "true"
    assert finding.estimates["over seeds"].value == pytest.approx(61.333e-2 - 0.41, abs=1e-4)
    assert finding.estimates["over problems"].value == pytest.approx(61.333e-2 - 0.41, abs=1e-4)
    turned = [
        *trained("rl", *sft, decoded=PASS_1_TEST),
        *trained("sft", *rl, decoded=PASS_1_TEST),
    ]
    assert verdict(turned, "rl-beats-sft-on-test") == "false"
    single = [
        *trained("rl", *rl, decoded=PASS_1_TEST),
        *trained("sft", 40, decoded=PASS_1_TEST),
    ]
    assert verdict(single, "rl-beats-sft-on-test") == "not decidable"
    assert found([*trained("rl", *rl), *trained("sft", *sft)], "rl-beats-sft-on-test") == []


def test_sft_below_vanilla_on_test():
    base = vanilla(PASS_1_TEST, 80)
    fallen = trained("sft", 40, 41, 42, decoded=PASS_1_TEST)
    risen = trained("sft", 97, 98, 99, decoded=PASS_1_TEST)
    assert verdict([base, *fallen], "sft-below-vanilla-on-test") == "true"
    assert verdict([base, *risen], "sft-below-vanilla-on-test") == "false"


def test_gains_hold_over_seeds():
    name = "gains-hold-over-seeds"
    assert verdict([vanilla(), *trained("rl", 60, 61)], name) == "true"
    assert verdict([vanilla(), *trained("rl", 60, 21)], name) == "not decidable"
    assert verdict([vanilla(), *trained("rl", 60, 5)], name) == "false"
    assert verdict([vanilla(), *trained("rl", 60)], name) == "not decidable"


def test_only_common_problems_are_compared():
    first = make_run("rl", 0, solved={PASS_1: {f"a{i}": True for i in range(30)}})
    second = make_run("rl", 1, solved={PASS_1: {f"a{i}": i < 6 for i in range(5, 30)}})
    estimate = over_problems([first], [second], PASS_1)
    assert estimate is not None
    assert (estimate.value, estimate.num_observations) == (pytest.approx(-24 / 25), 25)


def test_seed_share_by_hand():
    # Accuracies 1 and 1/2 of 4 problems: between 4 * 1/8 = 1/2; residuals +-1/4, 8 * 1/16 / 3.
    solved = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    estimate = seed_share(solved)
    assert estimate is not None
    assert estimate.value == pytest.approx(1 - 1 / 3)
    assert estimate.low == 0.0


def test_seed_share_of_nothing_is_not_defined():
    assert seed_share(np.ones((1, 10))) is None
    assert seed_share(np.ones((3, 10))) is None


def test_equal_seeds_are_rarely_told_apart():
    """Answers drawn from the same shares: the interval leaves 0 in about 1 of 40 cases."""
    generator = np.random.default_rng(5)
    shares = generator.uniform(size=200)
    drawn = [(generator.uniform(size=(3, 200)) < shares).astype(float) for _ in range(600)]
    told_apart = [e.low is not None and e.low > 0 for e in map(seed_share, drawn) if e]
    assert len(told_apart) == 600
    assert 0.005 <= np.mean(told_apart) <= 0.05


def test_seeds_differ():
    name = "seeds-differ"
    assert verdict(trained("rl", 20, 50, 80), name) == "true"
    (finding,) = found(trained("rl", 20, 50, 80), name)
    assert finding.estimates["share of the seed"].value > 0.9
    assert "Standard deviation over 3 seeds 30.0 points" in finding.sentence
    assert "of 100 problems 5.0." in finding.sentence
    assert verdict(trained("rl", 50), name) == "not decidable"


def with_series(seed: int, **series: float | list[float]):
    points = {
        key: list(enumerate(values if isinstance(values, list) else [values], start=1))
        for key, values in series.items()
    }
    return make_run("rl", seed, series=points)


def counted(seed: int, total: float, reflective: float, right: float, both: float):
    counts = (total, reflective, right, both)
    names = (
        keys.NUM_RESPONSES,
        keys.NUM_REFLECTIVE,
        keys.NUM_CORRECT,
        keys.NUM_REFLECTIVE_CORRECT,
    )
    return with_series(seed, **dict(zip(names, counts, strict=True)))


def test_reflective_answers_are_pooled():
    name = "reflective-answers-are-less-accurate"
    runs = [counted(0, 1000, 100, 460, 10), counted(1, 1000, 300, 380, 31)]
    (finding,) = found(runs, name)
    assert finding.verdict == "true"
    assert finding.estimates["reflective"].value == pytest.approx(41 / 400)
    assert finding.estimates["other"].value == pytest.approx((450 + 349) / 1600)
    # 0.1 - 0.5 and 0.10333 - 0.49857.
    assert finding.estimates["difference over seeds"].value == pytest.approx(-0.39762, abs=1e-5)
    better = [counted(0, 1000, 100, 540, 90), counted(1, 1000, 100, 541, 91)]
    assert verdict(better, name) == "false"
    assert verdict(runs[:1], name) == "not decidable"
    assert verdict([counted(0, 100, 0, 50, 0), counted(1, 100, 0, 50, 0)], name) == "not decidable"
    assert verdict([make_run("rl")], name) == "not decidable"


def test_length_and_reflection():
    name = "length-correlates-with-reflection"
    generator = np.random.default_rng(1)
    shared, noise = generator.normal(size=(2, 60))

    def run(sign: float):
        lengths, ratios = list(shared), list(sign * shared + 0.3 * noise)
        return with_series(0, **{keys.RESPONSE_LENGTH: lengths, keys.REFLECTION_RATIO: ratios})

    assert verdict([run(1.0)], name) == "true"
    assert verdict([run(-1.0)], name) == "false"
    assert verdict([run(0.0)], name) == "not decidable"
    assert verdict([make_run("rl")], name) == "not decidable"


def test_claims_are_unique_and_in_order():
    runs = [
        vanilla(),
        *trained("rl", 50, 51),
        *trained("sft", 50, 51),
        *(
            make_run("rl", seed, dataset="other", accuracy={PASS_1: [(1.0, 0.5)]})
            for seed in (0, 1)
        ),
    ]
    findings = build_findings(cells(runs, ()))
    assert len({f.claim for f in findings}) == len(findings)
    names = [f.name for f in findings]
    changes = sum(a != b for a, b in pairwise(names))
    assert names[0] == "rl-beats-vanilla"
    assert changes <= len(set(names)) + 1  # the summary lies between two data sets' comparisons
