"""Workers, the queue, deleting, archives: what an operator does, in a real browser."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journey import LONG_MS, fill_form, open_group, sign_in
from tests.browser.test_resume import cancel, launch
from tests.browser.test_steps import get
from tests.platform.living_platform import DATASET, LivingPlatform, write_dataset


def state_of_worker(page: Page):
    return page.get_by_test_id("worker-state")


def goto(page: Page, platform: LivingPlatform, path: str) -> None:
    page.goto(f"http://127.0.0.1:{platform.port}{path}")


def test_a_worker_is_drained_and_takes_work_again(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    page.get_by_role("link", name="Workers").click()
    # The platform serves before its worker has announced itself.
    expect(state_of_worker(page)).to_have_text("ready", timeout=LONG_MS)
    [worker] = get(page, "workers")
    expect(page.get_by_test_id("device").first).to_contain_text("CPU")
    expect(page.get_by_test_id("workers-summary")).to_contain_text("1 of 1 CPU slot free")
    expect(page.get_by_test_id("storage")).to_contain_text("Models")
    expect(page.get_by_test_id("storage-banner")).to_have_count(0)
    # It runs the server's Maye, so no difference is told.
    expect(page.get_by_test_id("version-differs")).to_have_count(0)
    assert worker["versions"]["maye"] == get(page, "session")["version"]

    page.get_by_role("button", name="Drain").click()
    expect(page.get_by_role("dialog")).to_contain_text("takes nothing new")
    page.keyboard.press("Escape")
    expect(state_of_worker(page)).to_have_text("ready")
    page.get_by_role("button", name="Drain").press("Enter")
    page.get_by_role("button", name="Drain it").press("Enter")
    expect(state_of_worker(page)).to_have_text("drained")

    # A run waits, and says for whom; then it is taken without a reload.
    goto(page, platform, "/runs")
    fill_form(page, "waits for a drained worker", epochs=1)
    launch(page)
    expect(page.get_by_test_id("waits-for")).to_contain_text("draining")
    expect(page.get_by_test_id("asks-for")).to_contain_text("CPU slot")
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_test_id("queue")).to_contain_text("waits for a drained worker")
    page.get_by_role("button", name="Take work again").click()
    expect(state_of_worker(page)).to_have_text("busy", timeout=LONG_MS)
    expect(page.get_by_test_id("carried")).to_contain_text("waits for a drained worker")
    expect(page.get_by_text("No run waits.")).to_be_visible()
    expect(state_of_worker(page)).to_have_text("ready", timeout=LONG_MS)


def test_a_priority_lets_a_run_pass_another(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    fill_form(page, "in front", epochs=1000)
    first = launch(page)
    expect(page.get_by_test_id("status").first).to_contain_text("running", timeout=LONG_MS)
    fill_form(page, "was second", epochs=1)
    second = launch(page)
    fill_form(page, "was third", epochs=1)
    open_group(page, "queue")
    page.locator('[data-path="priority"] input').fill("1000")
    page.get_by_role("button", name="Launch run").click()
    expect(page.locator('[data-path="priority"]')).to_contain_text("less than or equal to 100")
    page.locator('[data-path="priority"] input').fill("-1")
    third = launch(page)
    expect(page.get_by_test_id("position")).to_have_text("2 of 2")
    expect(page.get_by_test_id("starts")).not_to_be_empty()
    expect(page.get_by_test_id("asks-for")).to_contain_text("CPU slot")

    page.get_by_role("button", name="Change the priority").click()
    page.get_by_role("textbox", name="Priority").fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("priority")).to_have_text("7")
    expect(page.get_by_test_id("position")).to_have_text("1 of 2")
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_test_id("queue").locator("tbody tr").first).to_contain_text("was third")

    for run in (third, second, first):
        goto(page, platform, f"/runs/{run}")
        cancel(page)


def test_a_run_is_renamed_and_deleted(page: Page, platform: LivingPlatform):
    sign_in(page, platform)
    fill_form(page, "to be deleted", epochs=1000)
    run_id = launch(page)
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    cancel(page)
    page.get_by_role("button", name="Rename the run").click()
    page.get_by_role("textbox", name="Name of the run").fill("worth nothing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="worth nothing")).to_be_visible()

    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("worth nothing")
    expect(page.get_by_role("dialog")).to_contain_text("cannot be brought back")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("heading", name="worth nothing")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the run").click()
    page.wait_for_url("**/runs")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page.get_by_text("worth nothing")).to_have_count(0)
    assert run_id not in {run["id"] for run in get(page, "runs")["runs"]}
    goto(page, platform, f"/runs/{run_id}")
    expect(page.get_by_text("There is no such run")).to_be_visible()


def test_an_experiment_is_deleted_with_its_runs_once_they_have_ended(
    page: Page, platform: LivingPlatform
):
    with platform.client() as client:
        [quickstart] = [one for one in client.get("presets") if one["slug"] == "quickstart"]
    given = ("kind", "model", "dataset", "seed")
    config = {key: part for key, part in quickstart["config"].items() if key not in given}
    config["epochs"] = 1000
    config["algorithm"] |= {"responses_per_rl_step": 8, "responses_per_update": 8}
    spec = {
        "name": "a grid of one",
        "models": ["workbench-base"],
        "datasets": ["workbench-vision"],
        "settings": [{"name": "rl", "kind": "rl", "config": config}],
        "seeds": [0],
    }
    with platform.client() as client:
        made = client.post("experiments", spec)
    sign_in(page, platform)
    goto(page, platform, f"/experiments/{made['id']}")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("checkbox", name="Delete its 1 run too")).to_be_disabled()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Cancel experiment").click()
    page.get_by_role("button", name="Cancel the experiment").click()
    expect(page.get_by_role("button", name="Cancel experiment")).to_have_count(0, timeout=LONG_MS)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("checkbox", name="Delete its 1 run too").check()
    page.get_by_role("button", name="Delete it with its runs").click()
    page.wait_for_url("**/experiments")
    expect(page.get_by_text("a grid of one")).to_have_count(0)
    assert get(page, "experiments")["experiments"] == []
    assert not [run for run in get(page, "runs")["runs"] if "a grid of one" in run["name"]]


@pytest.fixture
def exported(page: Page, platform: LivingPlatform, tmp_path: Path) -> Path:
    """A run of two steps as a file that the browser has saved; the page shows the run."""
    sign_in(page, platform)
    fill_form(page, "carried around", epochs=1)
    launch(page)
    expect(page.get_by_test_id("status").first).to_contain_text("succeeded", timeout=LONG_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"carried-around-[0-9a-f]{8}\.zip", name)
    path = tmp_path / name
    download.value.save_as(path)
    return path


def test_an_exported_run_opens_again_to_be_read(
    page: Page, platform: LivingPlatform, exported: Path, tmp_path: Path
):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(exported.read_bytes()[:-100])
    goto(page, platform, "/runs")
    page.get_by_role("button", name="Open an archive").click()
    page.get_by_label("Choose files").set_input_files([broken, exported])
    lines = page.get_by_test_id("opening")
    expect(lines.nth(0)).to_contain_text("Not opened")
    expect(lines.nth(0)).to_contain_text("archive_invalid")
    expect(lines.nth(1)).to_contain_text("Opened")
    lines.nth(1).get_by_role("link").click()

    # It is read like any run, says that it was opened, and offers nothing that cannot work.
    page.wait_for_url("**/runs/*-*-*-*-*")
    expect(page.get_by_test_id("origin")).to_contain_text("Opened from an archive")
    expect(page.get_by_text("read-only", exact=True)).to_be_visible()
    for name in ("Evaluate", "Resume run", "Cancel run"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    chart = page.locator('[data-testid=chart][data-key="training/accuracy"]')
    expect(chart).to_have_attribute("data-points", "2")
    page.get_by_role("link", name="Responses").click()
    picture = page.get_by_test_id("response").first.locator("img")
    expect(picture).to_have_js_property("naturalWidth", 112)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("came with its archive")
    page.get_by_role("button", name="Delete the run").click()
    page.wait_for_url("**/runs")
    assert all(run["origin"] is None for run in get(page, "runs")["runs"])


def test_a_data_set_is_uploaded_after_its_bad_rows_were_named(
    page: Page, platform: LivingPlatform, tmp_path: Path
):
    folder = tmp_path / DATASET
    write_dataset(folder)
    good = shutil.make_archive(str(tmp_path / "good"), "zip", folder)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    rows[1].pop("answer")
    rows[3]["id"] = rows[0]["id"]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bad = shutil.make_archive(str(tmp_path / "bad"), "zip", folder)

    sign_in(page, platform)
    page.get_by_role("link", name="Data sets").click()
    page.get_by_role("link", name="Add a data set").click()
    page.get_by_label("Choose a file").set_input_files(bad)
    page.get_by_role("button", name="Add the data set").click()
    refusal = page.get_by_test_id("refusal")
    expect(refusal).to_contain_text("2 rows are refused")
    for row in ("2", "4"):
        expect(refusal.locator("li").filter(has_text=f"train.jsonl row {row}")).to_have_count(1)
    page.get_by_label("Choose another file").set_input_files(good)
    page.get_by_role("button", name="Add the data set").click()
    page.wait_for_url(f"**/datasets/{DATASET}")
    expect(page.get_by_test_id("problem").first).to_contain_text("What is 0 + 1?")

    # What is typed stays where the server refuses it.
    page.goto(f"http://127.0.0.1:{platform.port}/new-dataset?from=folder")
    page.get_by_label("Folder", exact=True).fill("not-there")
    page.get_by_role("button", name="Add the data set").click()
    expect(refusal).to_contain_text("not-there")
    expect(page.get_by_label("Folder", exact=True)).to_have_value("not-there")
