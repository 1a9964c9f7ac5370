"""Figures 4 to 8: layout, means over seeds, and the paper's curves beside."""

import pytest
from curves_by_hand import PASS_1, PASS_1_TEST, PASS_8, make_run

from backend.analysis import keys
from backend.analysis.arms import cells
from backend.analysis.curve_means import mean_curve
from backend.analysis.figures import build_figures
from backend.analysis.report import Figure, Panel
from backend.contract.metrics import metric_of_key


def figures(*runs, spread="population") -> dict[str, Figure]:
    return {figure.name: figure for figure in build_figures(cells(runs, ()), spread)}


def panel(figure: Figure, title: str) -> Panel:
    return next(p for block in figure.blocks for p in block.panels if p.title == title)


def test_every_key_is_in_the_catalogue():
    for key in (*keys.PUBLISHED_NAMES, keys.word_key("try again"), keys.NUM_REFLECTIVE_CORRECT):
        assert metric_of_key(key)
    assert keys.word_of_key(keys.word_key("try again")) == "try again"
    assert keys.word_of_key(keys.RESPONSE_LENGTH) is None


def test_mean_and_both_spreads():
    runs = [[(1, 1.0), (2, 4.0)], [(1, 3.0), (2, 4.0)]]
    population, sample = mean_curve(runs, "population"), mean_curve(runs, "sample")
    assert population is not None
    assert sample is not None
    assert (population.x, population.mean, population.std) == ((1, 2), (2.0, 4.0), (1.0, 0.0))
    assert sample.std == pytest.approx((2**0.5, 0.0))


def test_a_point_that_a_run_lacks_is_a_gap():
    curve = mean_curve([[(1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)], [(1, 3.0), (3, 5.0)]], "sample")
    assert curve is not None
    assert curve.x == (1, 2, 3)  # behind the shorter run's end there is nothing to draw
    assert curve.mean == (2.0, None, 3.0)


def test_a_step_that_no_run_has_a_value_for_is_a_gap():
    run = make_run(
        "rl",
        series={keys.CORRECT_IN_REFLECTION: [(2, 0.5), (4, 0.5)]},
        epochs={1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8, 5: 1.0},
    )
    (series,) = panel(figures(run)["figure-6"], "Correct ratio with reflection").series
    assert (series.x, series.mean) == ((2.0, 3.0, 4.0), (0.5, None, 0.5))


def test_runs_without_points_are_not_waited_for():
    curve = mean_curve([[(1, 1.0)], []], "population")
    assert curve is not None
    assert (curve.mean, curve.std, curve.num_runs) == ((1.0,), None, 1)
    assert mean_curve([[], []], "population") is None


def test_layout_is_the_papers():
    accuracy = {d: [(1.0, 0.5)] for d in (PASS_1, PASS_1_TEST, PASS_8)}
    drawn = figures(make_run("rl", accuracy=accuracy))
    assert {n: len(f.blocks[0].panels) for n, f in drawn.items() if f.blocks} == {
        "figure-4": 6,
        "figure-5": 3,
        "figure-6": 6,
        "figure-7": 15,
    }
    assert [drawn[f"figure-{n}"].blocks[0].num_columns for n in (4, 5, 6, 7)] == [3, 2, 3, 5]
    assert drawn["figure-8"].blocks == ()


def test_words_of_further_data_sets_are_figure_8():
    drawn = figures(make_run("rl", dataset="a"), make_run("rl", dataset="b"))
    assert [b.title for b in drawn["figure-7"].blocks] == ["workbench-base on a"]
    assert [b.title for b in drawn["figure-8"].blocks] == ["workbench-base on b"]


def test_training_accuracy_is_that_of_each_epochs_last_step():
    run = make_run(
        "rl",
        series={keys.EPOCH_ACCURACY: [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 0.5)]},
        epochs={1: 0.5, 2: 1.0, 3: 1.5, 4: 2.0, 5: 2.5},
    )
    (series,) = panel(figures(run)["figure-4"], "Training accuracy").series
    assert (series.x, series.mean) == ((1.0, 2.0), (0.2, 0.4))


def test_figure_4_has_the_two_most_frequent_words():
    counted = {"verify": 1.0, "wait": 9.0, "yet": 5.0, "hmm": 7.0}
    run = make_run("rl", series={keys.word_key(w): [(1, n)] for w, n in counted.items()})
    drawn = figures(run)
    titles = [p.title for p in drawn["figure-4"].blocks[0].panels]
    assert (titles[2], titles[5]) == ("“wait”", "“hmm”")
    words = [p.title for p in drawn["figure-7"].blocks[0].panels]
    assert words == ["“verify”", "“wait”", "“yet”", "“hmm”"]


def test_a_list_of_one_word_has_one_panel():
    run = make_run("rl", series={keys.word_key("hmm"): [(1, 1.0)]})
    assert len(figures(run)["figure-4"].blocks[0].panels) == 5


def test_vanilla_is_a_line_to_the_end():
    drawn = figures(
        make_run("vanilla", accuracy={PASS_1: [(0.0, 0.25)]}),
        make_run("rl", accuracy={PASS_1: [(1.0, 0.5), (7.0, 0.6)]}),
    )
    rl, vanilla = panel(drawn["figure-5"], "Validation, pass@1, T = 0.6").series
    assert (rl.role, vanilla.role) == ("rl", "vanilla")
    assert (vanilla.x, vanilla.mean) == ((0.0, 7.0), (0.25, 0.25))


def test_published_curves_lie_beside_where_model_and_data_match():
    place = {"model": "qwen2-vl-7b-instruct", "dataset": "mm-math5k"}
    run = make_run("rl", accuracy={PASS_1: [(1.0, 0.5)]}, **place)
    drawn = figures(run)
    labels = [s.label for s in panel(drawn["figure-5"], "Validation, pass@1, T = 0.6").series]
    assert labels == ["rl", "paper: RL", "paper: SFT", "paper: vanilla"]
    (length,) = panel(drawn["figure-6"], "Response length").series
    assert (length.role, length.x[0], length.x[-1], length.num_runs) == ("published", 1, 150, 3)
    assert length.mean[0] == pytest.approx(361.3812)
