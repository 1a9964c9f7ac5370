"""Evaluations in a real browser: answers, filters, comparison, and a checkpoint evaluated again."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEPT_ROWS
from tests.browser.test_journey import LONG_MS, field, fill_form, open_group, sign_in
from tests.browser.test_steps import get
from tests.platform.living_platform import LivingPlatform


@pytest.fixture
def run_id(page: Page, platform: LivingPlatform) -> str:
    """A finished run of one epoch: evaluated before it and after."""
    sign_in(page, platform)
    fill_form(page, "evaluated", epochs=1)
    open_group(page, "evaluation")
    field(page, "evaluation.max_response_tokens").fill("16")
    open_group(page, "reflection")
    # Words that the small model does write, so that there is something to mark.
    field(page, "reflection.words").fill("boxed, wait")
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*-*-*-*-*")
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)
    return page.url.rstrip("/").split("/")[-1]


def open_newest(page: Page) -> None:
    """The answers of the newest step's first evaluation: validation, pass@8."""
    page.get_by_role("link", name="Evaluations").click()
    page.get_by_test_id("evaluation-cell").first.click()
    expect(page.get_by_test_id("evaluation-open")).to_be_visible()


def test_answers_are_read_filtered_and_compared_and_a_checkpoint_is_evaluated(
    page: Page, run_id: str
):
    open_newest(page)
    evaluations: list[dict[str, Any]] = get(page, f"evaluations?run={run_id}")
    # Two steps, two splits, three ways to decode, and the control of the preset beside them.
    own = [evaluation for evaluation in evaluations if evaluation["pictures"] == "own"]
    assert len(own) == 12
    expect(page.get_by_test_id("evaluation-cell")).to_have_count(len(evaluations))
    check_answers(page)
    check_comparison(page)
    evaluate_checkpoint(page, run_id)


def check_answers(page: Page) -> None:
    answers = page.get_by_test_id("answers").get_by_test_id("response")
    # A page holds twenty of the eight samples of four problems.
    expect(answers).to_have_count(20)
    page.get_by_role("button", name="Show more answers").click()
    expect(answers).to_have_count(8 * KEPT_ROWS["validation"])
    expect(answers.first.locator("img")).to_be_visible()
    expect(answers.first).to_contain_text("gold")

    page.get_by_role("button", name="Reflective", exact=True).click()
    expect(page).to_have_url(re.compile("reflection=with"))
    marks = answers.first.locator("mark")
    expect(marks.first).to_have_text(re.compile("boxed|wait", re.IGNORECASE))
    page.get_by_role("button", name="Any").click()

    page.get_by_role("button", name="Wrong").click()
    expect(answers.and_(page.locator('[data-correct="true"]'))).to_have_count(0)
    expect(answers.first).to_have_attribute("data-correct", "false")
    page.get_by_role("searchbox").fill("no model writes this")
    expect(page.get_by_test_id("empty")).to_contain_text("No answer matches")
    page.get_by_role("searchbox").fill("")
    expect(answers.first).to_be_visible()


def check_comparison(page: Page) -> None:
    page.get_by_role("button", name="Compare").click()
    comparison = page.get_by_test_id("comparison")
    expect(comparison).to_contain_text("McNemar")
    expect(comparison).to_contain_text(f"of {KEPT_ROWS['validation']} problems")
    gained = page.get_by_test_id("gained").get_by_role("listitem").count()
    lost = page.get_by_test_id("lost").get_by_role("listitem").count()
    match = re.search(r"(\d+) here, (\d+) there", comparison.inner_text())
    assert match is not None
    assert int(match[1]) - int(match[2]) == gained - lost


def evaluate_checkpoint(page: Page, run_id: str) -> None:
    page.get_by_role("button", name="Evaluate", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="test").uncheck()
    dialog.get_by_role("button", name="Evaluate").click()
    expect(page).not_to_have_url(re.compile(run_id))
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)
    expect(page.get_by_test_id("evaluation-cell").first).to_be_visible(timeout=20_000)
    new_id = page.url.split("/runs/")[1].split("/")[0]
    splits = {evaluation["split"] for evaluation in get(page, f"evaluations?run={new_id}")}
    assert splits == {"validation"}
