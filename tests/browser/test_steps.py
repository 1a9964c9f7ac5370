"""A traced step of a real run in the browser: what it shows is what the API says."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journey import LONG_MS, fill_form, sign_in
from tests.platform.living_platform import LivingPlatform


def launch_traced(page: Page, name: str, *, every: int) -> str:
    """A run of one epoch; its id once it has succeeded."""
    fill_form(page, name, epochs=1)
    group = page.get_by_test_id("group-trace")
    if group.get_attribute("open") is None:
        group.locator("summary").click()
    page.locator('[data-path="trace.every_rl_steps"] input').fill(str(every))
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*-*-*-*-*")
    return page.url.rstrip("/").split("/")[-1]


def wait_for_success(page: Page) -> None:
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)


def get(page: Page, path: str) -> Any:
    """What the API says to the browser's own session."""
    return page.evaluate("path => fetch(path).then(answer => answer.json())", f"/api/v1/{path}")


def shown_number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace("\u202f", ""))


def test_a_traced_step_shows_the_numbers_of_the_api(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    run_id = launch_traced(page, "traced", every=1)
    wait_for_success(page)
    page.get_by_role("link", name="Steps", exact=True).click()
    opened = page.get_by_test_id("trajectory")
    expect(opened).to_have_attribute("data-step", "2")
    page.get_by_test_id("sample-select").select_option("2")
    expect(opened).to_have_attribute("data-index", "2")

    trace = get(page, f"runs/{run_id}/trajectories/2/2")
    # The four steps name every tensor with its shape and type.
    for tensor in trace["tensors"]:
        row = page.locator(f'[data-tensor="{tensor["name"]}"]')
        shape = " \u00d7 ".join(str(size) for size in tensor["shape"])
        expect(row.locator("td").first).to_have_text(shape)
        expect(row).to_contain_text(tensor["dtype"])
    # The picture lies under its patches.
    grid = trace["image"]["merged_grid"]
    cells = str(grid["height"] * grid["width"])
    expect(page.get_by_test_id("patch-grid")).to_have_attribute("data-cells", cells)
    expect(opened.locator(".patches img")).to_have_js_property("naturalWidth", 112)

    # Every token carries the number of the quantity that is chosen.
    [update] = trace["updates"]
    for name, column in (
        ("ratio", update["columns"]["ratio"]),
        ("rollout_logprobs", trace["columns"]["rollout_logprobs"]),
    ):
        page.get_by_test_id("quantity-select").select_option(name)
        strip = page.get_by_test_id("token-strip")
        expect(strip).to_have_attribute("data-quantity", name)
        values = strip.locator("button").evaluate_all("all => all.map(one => one.dataset.value)")
        assert [float(value) for value in values] == column

    # By keyboard: the next token, and all its numbers.
    strip.locator("button").first.focus()
    page.keyboard.press("ArrowRight")
    details = page.get_by_test_id("token-details")
    expect(details).to_have_attribute("data-token", "1")
    shown = details.locator('[data-quantity="policy_logprobs"]').inner_text()
    assert shown_number(shown) == pytest.approx(trace["columns"]["policy_logprobs"][1], rel=1e-5)
    assert re.search(r"step=2|sample=2", page.url)

    # The sums add up to what they say.
    for test_id, total in (("reward-sum", trace["outcome"]), ("loss-sum", update["contribution"])):
        panel = page.get_by_test_id(test_id)
        terms = panel.locator("[data-term]").evaluate_all("all => all.map(x => +x.dataset.value)")
        assert sum(terms) == pytest.approx(total, abs=1e-9)
        assert float(panel.get_attribute("data-total") or "nan") == total

    # The step's loss is that of its chart.
    [series] = get(page, f"runs/{run_id}/series?keys=policy/loss")
    logged = {point["rl_step"]: point["value"] for point in series["points"]}
    loss = page.get_by_test_id("step-loss").get_attribute("data-value")
    assert float(loss or "nan") == logged[2]


def test_a_run_without_traces_says_how_to_get_them(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    launch_traced(page, "untraced", every=0)
    page.get_by_role("link", name="Steps", exact=True).click()
    expect(page.get_by_test_id("empty")).to_contain_text("trace.every_rl_steps")
    page.get_by_role("link", name="Charts", exact=True).click()
    wait_for_success(page)
