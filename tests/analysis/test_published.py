"""Which experiments the paper's curves belong beside."""

import pytest

from backend.analysis.published import published_setting, published_settings


@pytest.mark.parametrize(
    ("model", "dataset", "found"),
    [
        ("qwen2-vl-7b-instruct", "mm-math5k", ("Qwen2-VL-7B", "mm_math5k")),
        ("qwen2.5-vl-7b-instruct", "geometry3k", ("Qwen2.5-VL-7B", "geometry3k")),
        ("qwen2.5-vl-7b", "mm-math", ("Qwen2.5-VL-7B", "mm_math5k")),
    ],
)
def test_settings_of_the_paper_are_found(model: str, dataset: str, found: tuple[str, str]):
    setting = published_setting(model, dataset)
    assert setting is not None
    assert (setting.model, setting.dataset) == found


@pytest.mark.parametrize(
    ("model", "dataset"),
    [
        ("qwen2.5-vl-3b-instruct", "geometry3k"),
        ("qwen2.5-vl-72b-instruct", "geometry3k"),
        ("workbench-base", "mm-math5k"),
        ("qwen2.5-vl-7b-instruct", "geometry3k-small"),
    ],
)
def test_other_sizes_and_subsets_have_no_overlay(model: str, dataset: str):
    assert published_setting(model, dataset) is None


def test_what_is_published():
    settings = {(s.model, s.dataset): s for s in published_settings()}
    assert len(settings) == 4
    setting = settings["Qwen2.5-VL-7B", "mm_math5k"]
    assert len(setting.curve("response_length")) == 150
    assert setting.band("SFT valid pass@8 T1.0") is None
    assert setting.curve("SFT nothing") == ()
    assert setting.vanilla("validation", 8, 1.0) == pytest.approx(0.65)
    assert setting.vanilla("validation", 4, 1.0) is None
    assert [setting.num_runs(n) for n in ("RL x", "SFT x", "response_length")] == [4, 1, 3]
