"""Figures as pictures: same bytes, nothing clipped, right colours."""

from itertools import combinations
from xml.etree import ElementTree

import pytest
from curves_by_hand import PASS_1, PASS_1_TEST, make_run

from backend.analysis.arms import cells
from backend.analysis.figures import build_figures
from backend.analysis.plot_styles import line_styles
from backend.analysis.plots import draw, to_png, to_svg
from backend.analysis.report import Block, Figure, Panel, Series

LONG = "a-setting-whose-name-is-as-long-as-the-slug-of-a-setting-may-be"


def series(label: str = "rl", role: str = "rl", num_runs: int = 3, **changes) -> Series:
    points = {"x": (1, 2, 3), "mean": (0.1, None, 0.3), "std": (0.01, None, 0.02), **changes}
    return Series.model_validate(
        {"label": label, "role": role, "metric": "m", "num_runs": num_runs, **points}
    )


def figure(*drawn: Series, title: str = "Reflection ratio") -> Figure:
    panel = Panel(title=title, x_label="RL step", y_label="share", series=drawn)
    block = Block(title="model on data", num_columns=2, panels=(panel, panel, panel))
    return Figure(name="figure-6", title="Ratios", blocks=(block, block))


def test_same_bytes_every_time():
    drawn = figure(series())
    assert to_png(drawn) == to_png(drawn)
    assert to_svg(drawn) == to_svg(drawn)
    assert to_svg(drawn) != to_svg(figure(series(mean=(0.1, 0.2, 0.3))))


def test_kinds_of_files():
    assert to_png(figure(series())).startswith(b"\x89PNG")
    root = ElementTree.fromstring(to_svg(figure(series())))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in to_svg(figure(series()))


@pytest.mark.parametrize("title", ["“verify”", "Reflection in incorrect answers", "costs $5 or $6"])
def test_no_text_is_clipped_or_covered(title: str):
    curves = (series(), series(LONG, "sft"), series("vanilla", "vanilla"))
    canvas = draw(figure(*curves, title=title))
    canvas.canvas.draw()
    assert canvas.axes[0].get_title() == title
    width, height = canvas.canvas.get_width_height()
    panels = [box for axis in canvas.axes if axis.axison and (box := axis.get_tightbbox())]
    texts = [part.texts[0].get_window_extent() for part in canvas.subfigs]
    texts.append(canvas.legends[0].get_window_extent())
    assert len(panels) == 6
    for box in (*panels, *texts):
        assert box.x0 >= -1
        assert box.x1 <= width + 1
        assert box.y0 >= -1
        assert box.y1 <= height + 1
    for first, second in combinations((*panels, *texts), 2):
        assert not first.shrunk(0.98, 0.98).overlaps(second.shrunk(0.98, 0.98))


def test_colours_are_the_papers_and_hold_over_panels():
    styles = line_styles(
        [
            series("vanilla", "vanilla", 1),
            series("paper: RL", "published", 4),
            series("rl", "rl"),
            series("rl-2", "rl"),
            series("sft", "sft"),
            series("paper: RL", "published", 3),
        ]
    )
    assert styles["rl", "rl"].colour == "#cc2b1d"
    assert styles["sft", "sft"].colour == "#0072b2"
    assert styles["vanilla", "vanilla"].colour == "#009e73"
    assert styles["vanilla", "vanilla"].dashes != "-"
    assert styles["rl", "rl-2"].colour != styles["rl", "rl"].colour
    assert styles["published", "paper: RL"].num_runs == "3-4"
    assert len(styles) == 5


def test_bands_have_30_percent_opacity_and_gaps_stay():
    canvas = draw(figure(series()))
    axis = canvas.subfigs[0].axes[0]
    assert [band.get_alpha() for band in axis.collections] == [0.3]
    line = axis.lines[0]
    assert str(line.get_ydata()[1]) == "nan"


def test_counts_begin_at_0_and_shares_do_not_fall_below():
    panel = Panel(title="“wait”", x_label="RL step", y_label="count", series=(series(),))
    counted = Figure(
        name="figure-7",
        title="Words",
        blocks=(Block(title="t", num_columns=1, panels=(panel,)),),
    )
    assert draw(counted).subfigs[0].axes[0].get_ylim() == (0.0, 1.0)
    shares = figure(series(mean=(0.0, 0.01, 0.02), std=(0.1, 0.1, 0.1)))
    assert draw(shares).subfigs[0].axes[0].get_ylim()[0] == 0.0


def test_every_figure_of_an_experiment_that_has_just_begun_is_drawn():
    runs = [make_run("rl", status="queued"), make_run("vanilla", status="queued")]
    for drawn in build_figures(cells(runs, ()), "population"):
        assert to_png(drawn).startswith(b"\x89PNG")


def test_a_single_epoch_is_drawn():
    accuracy = {PASS_1: [(1.0, 0.4)], PASS_1_TEST: [(1.0, 0.3)]}
    drawn = build_figures(cells([make_run("rl", accuracy=accuracy)], ()), "sample")[1]
    axis = draw(drawn).subfigs[0].axes[0]
    assert axis.lines[0].get_marker() == "o"
