"""Claims that one setting does better than another: RL, SFT and the untrained model.

Two things could make a difference by accident: the seeds, and the problems that were asked. So two
tests must agree. Over seeds, the Mean of the table is compared: against vanilla by intervals that
do not overlap, between trained settings by Welch's t. Over problems, the last evaluations are
compared problem by problem by the paired bootstrap.
"""

from collections.abc import Iterator, Mapping, Sequence

from backend.analysis.arms import Arm, Cell
from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.decisions import Direction, asked, decide, direction, percent, place, points
from backend.analysis.intervals import welch_t
from backend.analysis.pairs import paired_difference
from backend.analysis.report import Estimate, Finding
from backend.analysis.table import mean_over_epochs, share_over_problems, share_over_seeds
from backend.contract.runs import RunStatus

MIN_PROBLEMS = 20
"""With fewer problems the bootstrap's interval is too narrow to decide anything."""


def rl_beats_vanilla(cell: Cell) -> Iterator[Finding]:
    """For each RL setting, on validation and test, at each decoding setting; then all together."""
    for arm in _of_kind(cell, "rl"):
        single = [
            _against_vanilla(cell, arm, decoded, wanted="up", name="rl-beats-vanilla")
            for decoded in cell.decodings
        ]
        yield from single
        yield _consistently(cell, arm, single)


def sft_below_vanilla(cell: Cell) -> Iterator[Finding]:
    """For each SFT setting on test: out of distribution where test comes from another source."""
    for arm in _of_kind(cell, "sft"):
        for decoded in cell.decodings:
            if decoded.split == "test":
                yield _against_vanilla(
                    cell, arm, decoded, wanted="down", name="sft-below-vanilla-on-test"
                )


def rl_beats_sft(cell: Cell) -> Iterator[Finding]:
    """For each pair of an RL and an SFT setting, on the held-out test."""
    for rl in _of_kind(cell, "rl"):
        for sft in _of_kind(cell, "sft"):
            for decoded in cell.decodings:
                if decoded.split == "test":
                    yield _against_sft(cell, rl, sft, decoded)


def gains_hold_over_seeds(cell: Cell) -> Iterator[Finding]:
    """For each RL setting and decoding: every seed alone beats vanilla, problem by problem."""
    for arm in _of_kind(cell, "rl"):
        for decoded in cell.decodings:
            yield _every_seed(cell, arm, decoded)


def over_problems(
    first: Sequence[RunCurves], second: Sequence[RunCurves], decoded: Decoded
) -> Estimate | None:
    """Share of the second less that of the first at the last evaluations, problem by problem."""
    runs = [run.solved.get(decoded, {}) for run in (*first, *second)]
    if not first or not second or not all(runs):
        return None
    problems = sorted(set.intersection(*(set(solved) for solved in runs)))
    if len(problems) < MIN_PROBLEMS:
        return None
    found = paired_difference(
        _mean_solved(runs[: len(first)], problems), _mean_solved(runs[len(first) :], problems)
    )
    return Estimate(
        value=found.value,
        low=found.low,
        high=found.high,
        method=f"paired bootstrap over {len(problems)} problems",
        num_observations=len(problems),
    )


def _mean_solved(runs: Sequence[Mapping[str, bool]], problems: Sequence[str]) -> list[float]:
    return [sum(solved[problem] for solved in runs) / len(runs) for problem in problems]


def _against_vanilla(
    cell: Cell, arm: Arm, decoded: Decoded, *, wanted: Direction, name: str
) -> Finding:
    vanilla_run = _finished_vanilla(cell)
    vanilla = share_over_problems(vanilla_run, decoded)
    trained = share_over_seeds(_means(arm, decoded))
    paired = over_problems([vanilla_run] if vanilla_run else [], arm.finished, decoded)
    verb = "beats" if wanted == "up" else "falls below"
    claim = f"{arm.setting} {verb} vanilla ({place(cell)}; {asked(decoded)})"
    estimates = _present({arm.setting: trained, "vanilla": vanilla, "over problems": paired})
    if trained is None or vanilla is None:
        return _too_early(name, claim, estimates)
    found: list[Direction] = [direction(trained, vanilla), direction(paired)]
    sentence = (
        f"{arm.setting} {percent(trained)} as mean over epochs and {_seeds(trained)}; vanilla "
        f"{percent(vanilla)}: {_lie(trained, vanilla)}. {_paired_words(paired)}"
    )
    return Finding(
        name=name,
        claim=claim,
        verdict=decide(found, wanted),
        sentence=sentence,
        estimates=estimates,
    )


def _against_sft(cell: Cell, rl: Arm, sft: Arm, decoded: Decoded) -> Finding:
    values = [_means(arm, decoded) for arm in (rl, sft)]
    shares = [share_over_seeds(of_arm) for of_arm in values]
    difference = _difference_over_seeds(*values)
    paired = over_problems(sft.finished, rl.finished, decoded)
    name = "rl-beats-sft-on-test"
    claim = f"{rl.setting} beats {sft.setting} ({place(cell)}; {asked(decoded)})"
    estimates = _present(
        {
            rl.setting: shares[0],
            sft.setting: shares[1],
            "over seeds": difference,
            "over problems": paired,
        }
    )
    if shares[0] is None or shares[1] is None or difference is None:
        return _too_early(name, claim, estimates)
    sentence = (
        f"{rl.setting} {percent(shares[0])}, {sft.setting} {percent(shares[1])} as means over "
        f"epochs and seeds; difference {points(difference)}. {_paired_words(paired)}"
    )
    return Finding(
        name=name,
        claim=claim,
        verdict=decide([direction(difference), direction(paired)], "up"),
        sentence=sentence,
        estimates=estimates,
    )


def _every_seed(cell: Cell, arm: Arm, decoded: Decoded) -> Finding:
    vanilla = _finished_vanilla(cell)
    by_seed = {
        f"seed {run.seed}": over_problems([vanilla] if vanilla else [], [run], decoded)
        for run in arm.finished
    }
    name = "gains-hold-over-seeds"
    claim = f"every seed of {arm.setting} beats vanilla ({place(cell)}; {asked(decoded)})"
    estimates = _present(by_seed)
    if len(by_seed) < 2 or len(estimates) < len(by_seed):
        return _too_early(name, claim, estimates)
    found: list[Direction] = [direction(estimate) for estimate in estimates.values()]
    listed = "; ".join(f"{seed} {points(estimate)}" for seed, estimate in estimates.items())
    return Finding(
        name=name,
        claim=claim,
        verdict="false" if "down" in found else decide(found, "up"),
        sentence=f"Last evaluation against vanilla, problem by problem: {listed}. "
        f"{found.count('up')} of {len(found)} seeds lie above with their whole interval.",
        estimates=estimates,
    )


def _consistently(cell: Cell, arm: Arm, single: Sequence[Finding]) -> Finding:
    verdicts = [finding.verdict for finding in single]
    num_true, num_false = verdicts.count("true"), verdicts.count("false")
    is_all = bool(verdicts) and num_true == len(verdicts)
    return Finding(
        name="rl-consistently-beats-vanilla",
        claim=f"{arm.setting} beats vanilla in every setting ({place(cell)})",
        verdict="true" if is_all else "false" if num_false else "not decidable",
        sentence=f"Of {len(verdicts)} comparisons {num_true} are true, {num_false} false and "
        f"{len(verdicts) - num_true - num_false} not decidable. Each is made at 95 %, without a "
        "correction for their number: a single true one among many may be chance.",
        estimates={},
    )


def _difference_over_seeds(first: Sequence[float], second: Sequence[float]) -> Estimate | None:
    if not first or not second:
        return None
    interval = welch_t(first, second)
    return Estimate(
        value=sum(first) / len(first) - sum(second) / len(second),
        low=interval and interval[0],
        high=interval and interval[1],
        method=f"Welch's t over {len(first)} and {len(second)} seeds" if interval else "one seed",
        num_observations=len(first) + len(second),
    )


def _means(arm: Arm, decoded: Decoded) -> list[float]:
    curves = [run.accuracy.get(decoded, ()) for run in arm.finished]
    return [value for curve in curves if (value := mean_over_epochs(curve)) is not None]


def _of_kind(cell: Cell, kind: str) -> list[Arm]:
    return [arm for arm in cell.arms if arm.kind == kind]


def _finished_vanilla(cell: Cell) -> RunCurves | None:
    run = cell.vanilla
    return run if run and run.status == RunStatus.SUCCEEDED else None


def _present(estimates: Mapping[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}


def _too_early(name: str, claim: str, estimates: dict[str, Estimate]) -> Finding:
    return Finding(
        name=name,
        claim=claim,
        verdict="not decidable",
        sentence="Not enough runs have succeeded with what this needs.",
        estimates=estimates,
    )


def _seeds(estimate: Estimate) -> str:
    number = estimate.num_observations
    return f"{number} seed{'s' if number > 1 else ''}"


def _lie(first: Estimate, second: Estimate) -> str:
    if first.low is None or second.low is None:
        return "one has no interval"
    is_apart = direction(first, second) != "open"
    return f"the intervals {'do not overlap' if is_apart else 'overlap'}"


def _paired_words(paired: Estimate | None) -> str:
    if paired is None:
        return f"Fewer than {MIN_PROBLEMS} common problems: no comparison problem by problem."
    return f"Last evaluations, problem by problem: {points(paired)}."
