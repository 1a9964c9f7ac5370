"""An experiment in a real browser: from the form to the report and its exports, on real runs."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_journey import LONG_MS, sign_in
from tests.platform.living_platform import LivingPlatform, write_dataset

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def platform(platform: LivingPlatform) -> LivingPlatform:
    """The living platform with a second data set: text only, without solutions."""
    write_dataset(platform.home / "import" / "tiny-sums")
    with platform.client() as client:
        client.post("datasets", {"folder": "tiny-sums"})
    return platform


def open_form(page: Page, preset: str = "quickstart-experiment") -> None:
    page.goto(re.sub(r"/(runs|experiments).*", "", page.url) + f"/experiments/new?preset={preset}")
    expect(page.get_by_role("button", name="Launch experiment")).to_be_visible()


def setting(page: Page, kind: str) -> Locator:
    return page.get_by_test_id(f"setting-{kind}")


def fill(card: Locator, path: str, text: str) -> None:
    """Set a field of a setting, in its group where it has one."""
    group = card.get_by_test_id(f"group-{path.split('.')[0]}")
    if "." in path and group.get_attribute("open") is None:
        group.locator("summary").click()
    card.locator(f'[data-path="{path}"] input').first.fill(text)


def open_configuration(card: Locator) -> None:
    card.get_by_text("Configuration", exact=True).click()


def make_tiny(page: Page) -> None:
    """From the quickstart's preset to runs of seconds."""
    open_configuration(setting(page, "rl"))
    open_configuration(setting(page, "sft"))
    for kind in ("rl", "sft"):
        fill(setting(page, kind), "epochs", "1")
        fill(setting(page, kind), "evaluation.max_response_tokens", "8")
    fill(setting(page, "rl"), "sampling.max_response_tokens", "8")
    fill(setting(page, "rl"), "algorithm.responses_per_rl_step", "8")
    fill(setting(page, "rl"), "algorithm.responses_per_update", "8")
    fill(setting(page, "sft"), "supervised.samples_per_update", "8")


def download(page: Page, link: Locator) -> tuple[str, bytes]:
    """Name and content of what a link downloads."""
    with page.expect_download() as waiting:
        link.click()
    path = waiting.value.path()
    return waiting.value.suggested_filename, Path(path).read_bytes()


def test_an_experiment_from_the_form_to_its_exports(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    page.get_by_role("link", name="Experiments", exact=True).click()
    expect(page.get_by_test_id("empty")).to_contain_text("No experiments yet")
    page.get_by_role("link", name="New experiment").first.click()
    open_form(page)
    page.get_by_role("textbox", name="Name", exact=True).fill("three ways")
    page.get_by_role("textbox", name="Seeds").fill("0, 1")
    make_tiny(page)
    expect(page.get_by_test_id("run-count")).to_contain_text("5 runs")

    # Settings that cannot be compared are refused beside the field, and nothing is launched.
    fill(setting(page, "sft"), "evaluation.max_response_tokens", "9")
    page.get_by_role("button", name="Launch experiment").click()
    refused = page.locator('[data-path="evaluation.max_response_tokens"][data-invalid=true]')
    expect(refused).to_contain_text("must not differ")
    fill(setting(page, "sft"), "evaluation.max_response_tokens", "8")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/experiments/*-*-*-*-*")

    # The report says how far it is, and completes by itself.
    page.evaluate("window.wasNotReloaded = true")
    expect(page.get_by_test_id("incomplete")).to_contain_text("of 5 runs")
    expect(page.get_by_test_id("report")).to_have_attribute(
        "data-complete", "true", timeout=2 * LONG_MS
    )
    assert page.evaluate("window.wasNotReloaded") is True
    expect(page.get_by_test_id("incomplete")).to_have_count(0)
    check_report(page)
    check_runs(page)
    check_settings(page)
    check_exports(page)


def check_report(page: Page) -> None:
    table = page.get_by_test_id("accuracy-table")
    for name in ("Validation", "Test", "vanilla", "sft", "rl"):
        expect(table).to_contain_text(name)
    table.get_by_role("button").first.focus()
    expect(page.get_by_test_id("accuracy-detail")).to_contain_text("95 % interval")
    claim = page.get_by_test_id("findings").get_by_role("group").first
    claim.locator("summary").click()
    expect(claim.get_by_role("listitem").first).to_contain_text(re.compile("true|false|decidable"))
    panel = page.get_by_test_id("figure-5").get_by_test_id("panel").first
    panel.scroll_into_view_if_needed()
    expect(panel.locator("canvas")).to_be_visible()
    panel.get_by_role("button").click()
    expect(panel.get_by_role("table")).to_contain_text("vanilla")
    page.get_by_role("button", name="Sample std").click()
    expect(page).to_have_url(re.compile("spread=sample"))


def check_runs(page: Page) -> None:
    page.get_by_role("navigation", name="Experiment").get_by_role("link", name="Runs").click()
    cells = page.get_by_test_id("run-cell")
    expect(cells).to_have_count(5)
    assert {cell.get_attribute("data-status") for cell in cells.all()} == {"succeeded"}


def check_settings(page: Page) -> None:
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_test_id("differences")).to_contain_text("optimizer.learning_rate")
    page.get_by_role("link", name="Report").click()


def check_exports(page: Page) -> None:
    toolbar = page.get_by_role("toolbar", name="Report")
    name, tex = download(page, toolbar.get_by_role("link", name="LaTeX"))
    assert name.endswith(".tex")
    assert rb"\begin{tabular}" in tex
    assert rb"\toprule" in tex
    _, table = download(page, toolbar.get_by_role("link", name="CSV", exact=True))
    rows = list(csv.reader(io.StringIO(table.decode())))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
    figure = page.get_by_test_id("figure-5")
    assert download(page, figure.get_by_role("link", name="PNG"))[1].startswith(PNG)
    assert b"<svg" in download(page, figure.get_by_role("link", name="SVG"))[1]


def test_a_run_of_an_experiment_is_cancelled_resumed_and_rerun(
    page: Page, platform: LivingPlatform
):
    sign_in(page, platform)
    open_form(page)
    setting(page, "sft").get_by_role("button", name="Remove").click()
    setting(page, "vanilla").get_by_role("button", name="Remove").click()
    page.get_by_role("textbox", name="Seeds").fill("0, 1")
    open_configuration(setting(page, "rl"))
    fill(setting(page, "rl"), "epochs", "1000")
    fill(setting(page, "rl"), "algorithm.responses_per_rl_step", "8")
    fill(setting(page, "rl"), "algorithm.responses_per_update", "8")
    page.get_by_role("button", name="Launch experiment").click()
    page.wait_for_url("**/experiments/*-*-*-*-*")
    page.get_by_role("navigation", name="Experiment").get_by_role("link", name="Runs").click()
    second = page.get_by_test_id("run-cell").nth(1)
    second.get_by_role("button", name="Cancel").click()
    expect(second).to_have_attribute("data-status", "cancelled", timeout=LONG_MS)
    first_run = second.get_by_role("link").get_attribute("href")
    second.get_by_role("button", name="Resume").click()
    expect(second).to_have_attribute("data-status", "queued", timeout=20_000)
    second.get_by_role("button", name="Cancel").click()
    expect(second).to_have_attribute("data-status", "cancelled", timeout=LONG_MS)
    second.get_by_role("button", name="Re-run").click()
    expect(second).to_have_attribute("data-status", "queued", timeout=20_000)
    assert second.get_by_role("link").get_attribute("href") != first_run

    page.get_by_role("button", name="Cancel experiment").click()
    page.get_by_role("button", name="Cancel the experiment").click()
    for cell in page.get_by_test_id("run-cell").all():
        expect(cell).to_have_attribute("data-status", "cancelled", timeout=LONG_MS)


def test_refusals_stand_beside_their_fields(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    open_form(page)
    page.get_by_role("textbox", name="Seeds").fill("0, 0")
    page.get_by_role("button", name="Launch experiment").click()
    expect(page.locator('[data-path="seeds"]')).to_contain_text("given twice")
    page.get_by_role("textbox", name="Seeds").fill("0")
    # Supervised fine-tuning needs solutions, which this data set has not.
    before = listed(page)
    page.get_by_role("checkbox", name=re.compile("workbench-vision")).uncheck()
    page.get_by_role("checkbox", name=re.compile("tiny-sums")).check()
    page.get_by_role("button", name="Launch experiment").click()
    expect(page.locator('[data-path="datasets"]')).to_contain_text("has no solution")
    assert listed(page) == before


def listed(page: Page) -> list[str]:
    """Ids of the experiments that the platform has."""
    script = "() => fetch('/api/v1/experiments').then(answer => answer.json())"
    content: dict[str, Any] = page.evaluate(script)
    return [experiment["id"] for experiment in content["experiments"]]
