"""A cancelled run goes on from its checkpoint; solutions are taught with adapters from the form."""

import re

from playwright.sync_api import Page, expect

from tests.browser.test_journey import LONG_MS, field, fill_form, open_group, sign_in
from tests.browser.test_steps import get
from tests.platform.living_platform import LivingPlatform

ACCURACY = '[data-testid=chart][data-key="training/accuracy"]'


def launch(page: Page) -> str:
    """Launch what the form says; the run's id."""
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*-*-*-*-*")
    return page.url.rstrip("/").split("/")[-1]


def wait_for_step(page: Page, least: int) -> None:
    """Until the chart of the accuracy has drawn a step."""
    page.wait_for_function(
        "([chart, least]) => Number(document.querySelector(chart)?.dataset.lastStep) >= least",
        arg=[ACCURACY, least],
        timeout=LONG_MS,
    )


def cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_test_id("status").first).to_contain_text("cancelled", timeout=LONG_MS)


def newest_checkpoint(page: Page, run_id: str) -> int:
    """The step from which the run would go on."""
    [last] = [c for c in get(page, f"runs/{run_id}/checkpoints") if c["is_last"]]
    assert last["is_kept"]
    return last["rl_step"]


def test_a_cancelled_run_goes_on_from_its_checkpoint(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    fill_form(page, "cancelled and resumed", epochs=1000)
    open_group(page, "checkpoint")
    field(page, "checkpoint.every_rl_steps").fill("1")
    open_group(page, "evaluation")
    field(page, "evaluation.every_epochs").fill("1000")
    run_id = launch(page)
    wait_for_step(page, 3)
    cancel(page)
    saved = newest_checkpoint(page, run_id)
    assert saved >= 2

    page.get_by_role("button", name="Resume run").click()
    expect(page.get_by_role("dialog")).to_contain_text("newest checkpoint")
    page.get_by_role("button", name="Resume the run").click()
    expect(page.get_by_test_id("status").first).to_contain_text("running", timeout=LONG_MS)
    wait_for_step(page, saved + 2)
    cancel(page)
    assert newest_checkpoint(page, run_id) > saved

    # The curve has every step once, the second attempt says where it began, the history why.
    [series] = get(page, f"runs/{run_id}/series?keys=training/accuracy")
    steps = [point["rl_step"] for point in series["points"]]
    assert steps == list(range(1, steps[-1] + 1))
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_text(f"resumed after step {saved}").first).to_be_visible()
    page.get_by_test_id("history").locator("summary").click()
    expect(page.get_by_test_id("history")).to_contain_text("resumed by the user")


def test_supervised_fine_tuning_with_adapters_is_launched_from_the_form(
    page: Page, platform: LivingPlatform
):
    sign_in(page, platform)
    page.goto(page.url.split("/runs")[0] + "/runs/new")
    page.get_by_test_id("kind-sft").get_by_role("radio").check()
    page.get_by_role("textbox", name="Name", exact=True).fill("taught, with adapters")
    field(page, "epochs").fill("2")
    open_group(page, "supervised")
    field(page, "supervised.samples_per_update").fill("8")
    open_group(page, "lora")
    page.get_by_test_id("group-lora").get_by_role("checkbox", name=re.compile("^Use ")).check()
    field(page, "lora.rank").fill("2")
    run_id = launch(page)
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)
    loss = page.locator('[data-testid=chart][data-key="training/sft_loss"]')
    expect(loss).to_have_attribute("data-last-step", "4")
    config = get(page, f"runs/{run_id}")["config"]
    assert (config["kind"], config["lora"]["rank"], config["epochs"]) == ("sft", 2, 2)
