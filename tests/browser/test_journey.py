"""A researcher's first minutes, in a real browser on a real platform."""

import re

from playwright.sync_api import Page, expect

from backend.contract.artifacts import Home
from tests.platform.living_platform import LivingPlatform

LONG_MS = 180_000


def field(page: Page, path: str):
    return page.locator(f'[data-path="{path}"] input')


def open_group(page: Page, name: str) -> None:
    group = page.get_by_test_id(f"group-{name}")
    if group.get_attribute("open") is None:
        group.locator("summary").click()


def sign_in(page: Page, platform: LivingPlatform) -> None:
    page.goto(f"http://127.0.0.1:{platform.port}/")
    page.get_by_label("Token").fill(Home(platform.home).admin_token.read_text().strip())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("run-count")).to_be_visible()


def fill_form(page: Page, name: str, *, epochs: int) -> None:
    page.goto(page.url.split("/runs")[0] + "/runs/new?preset=quickstart")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    field(page, "epochs").fill(str(epochs))
    open_group(page, "algorithm")
    field(page, "algorithm.responses_per_rl_step").fill("8")
    field(page, "algorithm.responses_per_update").fill("8")


def drawn_steps(page: Page, key: str) -> int:
    """Points that the chart of a metric has drawn."""
    return int(page.locator(f'[data-testid=chart][data-key="{key}"]').get_attribute("data-points"))


def test_a_wrong_token_is_refused_and_says_where_the_right_one_is(page, platform):
    page.goto(f"http://127.0.0.1:{platform.port}/")
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    expect(page.get_by_text("admin-token").first).to_be_visible()


def test_launch_watch_read_and_cancel(page, platform):
    sign_in(page, platform)

    # A field that cannot be is named, and nothing is launched.
    fill_form(page, "journey", epochs=2)
    field(page, "algorithm.responses_per_update").fill("7")
    page.get_by_role("button", name="Launch run").click()
    expect(page.get_by_test_id("group-algorithm")).to_contain_text("must divide")
    field(page, "algorithm.responses_per_update").fill("8")
    page.keyboard.press("Control+Enter")

    # Points arrive on the charts by themselves, in order, without a reload.
    page.wait_for_url("**/runs/*-*-*-*-*")
    page.evaluate("window.wasNotReloaded = true")
    chart = page.locator('[data-testid=chart][data-key="training/accuracy"]')
    expect(chart).to_have_attribute("data-last-step", "4", timeout=LONG_MS)
    expect(chart).to_have_attribute("data-points", "4")
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)
    assert page.evaluate("window.wasNotReloaded") is True

    # A response is read beside its picture.
    page.get_by_role("link", name="Responses").click()
    responses = page.get_by_test_id("response")
    expect(responses).to_have_count(8)
    picture = responses.first.locator("img")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 112)
    expect(responses.first.get_by_test_id("response-text")).not_to_be_empty()
    expect(responses.first).to_contain_text("gold")

    # A second run is cancelled.
    fill_form(page, "second", epochs=1000)
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*-*-*-*-*")
    expect(chart).to_have_attribute("data-last-step", re.compile(r"\d+"), timeout=LONG_MS)
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_test_id("status").first).to_contain_text("cancelled", timeout=20_000)
    assert platform.processes("worker.rl") == []


def test_two_runs_on_one_worker_run_one_after_the_other_and_the_second_says_why(page, platform):
    sign_in(page, platform)
    for name in ("first of two", "second of two"):
        fill_form(page, name, epochs=4)
        page.get_by_role("button", name="Launch run").click()
        page.wait_for_url("**/runs/*-*-*-*-*")
    expect(page.get_by_test_id("waits-for")).to_contain_text("first of two", timeout=20_000)
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)


def test_text_of_a_run_is_never_html(page, platform):
    sign_in(page, platform)
    evil = '<img src=x onerror="window.hacked=1"><b>bold</b>'
    fill_form(page, evil, epochs=1)
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*-*-*-*-*")
    expect(page.get_by_role("heading", name=evil)).to_be_visible()
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_test_id("status").first).to_contain_text("cancelled", timeout=60_000)
    assert page.evaluate("window.hacked") is None
