"""Experiments over REST: created at once, shared vanilla, re-run, cancelled; refused by field."""

from typing import Any

import pytest
import sqlalchemy as sa
from api_caller import PNG_SHA256, Api
from experiment_makers import (
    RL,
    SFT,
    VANILLA,
    carry_out,
    carry_out_evaluation,
    carry_out_training,
    complete_library,
    create,
    spec,
)

from backend.database.tables import DatasetItem


@pytest.fixture(autouse=True)
def _library(api: Api) -> None:
    complete_library(api)


def refused_fields(api: Api, **changes: Any) -> list[tuple[list[Any], str]]:
    """Paths and messages of a refused experiment; nothing of it is left behind."""
    problem = api.post("experiments", spec(**changes)).json()
    assert problem["status"] == 422, problem
    assert api.get("experiments")["experiments"] == []
    assert api.get("runs")["runs"] == []
    return [(field["path"], field["message"]) for field in problem["fields"]]


def cell_of(experiment: dict[str, Any], setting: str, seed: int | None) -> dict[str, Any]:
    (found,) = [c for c in experiment["cells"] if (c["setting"], c["seed"]) == (setting, seed)]
    return found


def with_config(setting: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**setting, "config": {**setting["config"], **changes}}


def test_one_request_queues_every_run(api: Api) -> None:
    experiment = create(api)
    cells = [(cell["setting"], cell["seed"]) for cell in experiment["cells"]]
    assert cells == [("vanilla", None), ("sft", 0), ("sft", 1), ("rl", 0), ("rl", 1)]
    assert experiment["num_runs"] == 5
    assert experiment["runs_by_status"] == {"queued": 5}
    kinds = [cell["run"]["kind"] for cell in experiment["cells"]]
    assert kinds == ["evaluation", "sft", "sft", "rl", "rl"]
    assert api.get(f"experiments/{experiment['id']}") == experiment
    (listed,) = api.get("experiments")["experiments"]
    assert listed == {key: experiment[key] for key in listed}


def test_a_seed_of_everything_comes_before_the_next_seed(api: Api) -> None:
    create(api)
    names = [run["name"] for run in reversed(api.get("runs")["runs"])]
    assert names == [
        f"Shapes: {what} (tiny on shapes)"
        for what in ("vanilla", "sft, seed 0", "rl, seed 0", "sft, seed 1", "rl, seed 1")
    ]


def test_vanilla_stands_for_epoch_zero_of_trained_runs(api: Api) -> None:
    with_vanilla = cell_of(create(api), "rl", 0)["run"]["id"]
    without = cell_of(create(api, settings=[SFT, RL]), "rl", 0)["run"]["id"]
    assert api.get(f"runs/{with_vanilla}")["config"]["evaluation"]["at_start"] is False
    assert api.get(f"runs/{without}")["config"]["evaluation"]["at_start"] is True


def test_an_empty_vanilla_takes_what_it_shares_with_the_first_trained_setting(api: Api) -> None:
    experiment = create(api)
    config = api.get(f"runs/{cell_of(experiment, 'vanilla', None)['run']['id']}")["config"]
    assert [setting["k"] for setting in config["evaluation"]["decoding"]] == [2, 1]
    assert config["evaluation"]["max_response_tokens"] == 8
    assert config["splits"] == ["validation", "test"]
    assert config["checkpoint"] is None


@pytest.mark.parametrize("is_done", [False, True])
def test_vanilla_is_evaluated_once_and_shared_across_experiments(api: Api, is_done: bool) -> None:
    first = cell_of(create(api), "vanilla", None)["run"]["id"]
    if is_done:
        assert carry_out_evaluation(api, 0.5) == first
    second = create(api, name="Again", seeds=[7])
    assert cell_of(second, "vanilla", None)["run"]["id"] == first
    evaluated_otherwise = with_config(RL, evaluation={"max_response_tokens": 9})
    third = create(api, name="Other", settings=[VANILLA, evaluated_otherwise])
    assert cell_of(third, "vanilla", None)["run"]["id"] != first


def test_a_failed_vanilla_is_not_shared(api: Api) -> None:
    first = cell_of(create(api), "vanilla", None)["run"]["id"]
    assert carry_out(api, [], outcome="failed") == first
    assert cell_of(create(api, name="Again"), "vanilla", None)["run"]["id"] != first


def test_the_same_idempotency_key_gives_the_same_experiment(api: Api) -> None:
    key = {"Idempotency-Key": "once"}
    first = api.post("experiments", spec(), key).json()
    assert api.post("experiments", spec(), key).json()["id"] == first["id"]
    assert len(api.get("runs")["runs"]) == 5
    other = api.post("experiments", spec(seeds=[5]), key)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


def test_a_run_is_rerun_in_its_cell_and_the_old_one_stays(api: Api) -> None:
    experiment = create(api, settings=[VANILLA, RL], seeds=[3])
    address = f"experiments/{experiment['id']}"
    carry_out_evaluation(api, 0.5)
    queued = cell_of(experiment, "rl", 3)["run"]["id"]
    assert api.post(f"{address}/runs/{queued}/rerun").json()["code"] == "illegal_transition"
    assert carry_out_training(api, [0.5]) == queued
    cell = api.post(f"{address}/runs/{queued}/rerun")
    assert cell.status_code == 201, cell.text
    new = cell.json()["run"]
    assert (cell.json()["setting"], cell.json()["seed"]) == ("rl", 3)
    assert (new["status"], new["id"] != queued) == ("queued", True)
    assert cell_of(api.get(address), "rl", 3)["run"]["id"] == new["id"]
    old, again = api.get(f"runs/{queued}"), api.get(f"runs/{new['id']}")
    assert (old["status"], old["config"]) == ("succeeded", again["config"])
    assert api.post(f"{address}/runs/{queued}/rerun").status_code == 404


def test_cancel_ends_all_runs_but_a_vanilla_that_others_share(api: Api) -> None:
    first = create(api)
    create(api, name="Sharing", settings=[VANILLA, RL])
    cancelled = api.post(f"experiments/{first['id']}/cancel")
    assert cancelled.status_code == 202
    statuses = {c["setting"]: c["run"]["status"] for c in cancelled.json()["cells"]}
    assert statuses == {"vanilla": "queued", "sft": "cancelled", "rl": "cancelled"}


def test_an_experiment_is_renamed_and_deleted_without_its_runs(api: Api) -> None:
    address = f"experiments/{create(api)['id']}"
    url = f"/api/v1/{address}"
    renamed = api.client.patch(url, json={"name": "Better"}, headers=api.person)
    assert renamed.json()["name"] == api.get(address)["name"] == "Better"
    assert api.client.delete(url, headers=api.person).status_code == 204
    assert api.client.get(url, headers=api.person).status_code == 404
    assert len(api.get("runs")["runs"]) == 5


def test_experiments_are_listed_in_pages_newest_first(api: Api) -> None:
    for name in ("one", "two", "three"):
        create(api, name=name)
    first = api.get("experiments", limit=2)
    second = api.get("experiments", limit=2, cursor=first["next_cursor"])
    names = [[entry["name"] for entry in page["experiments"]] for page in (first, second)]
    assert names == [["three", "two"], ["one"]]
    assert second["next_cursor"] is None


def test_differences_between_settings_are_shown(api: Api) -> None:
    other = with_config(RL, optimizer={"learning_rate": 0.5}) | {"name": "rl-fast"}
    found = create(api, settings=[VANILLA, RL, other])["differences"]
    assert found == [{"path": "optimizer.learning_rate", "values": {"rl": 5e-6, "rl-fast": 0.5}}]


REPEATED = {
    "seeds": ({"seeds": [4, 4]}, ["seeds", 1], "4 is given twice"),
    "models": ({"models": ["tiny", "tiny"]}, ["models", 1], "'tiny' is given twice"),
    "datasets": ({"datasets": ["shapes", "shapes"]}, ["datasets", 1], "'shapes' is given twice"),
    "names": ({"settings": [RL, RL]}, ["settings", 1, "name"], "'rl' is given twice"),
    "vanilla": (
        {"settings": [VANILLA, {"name": "base", "kind": "vanilla"}]},
        ["settings", 1, "kind"],
        "at most one vanilla",
    ),
}


@pytest.mark.parametrize(("changes", "path", "words"), REPEATED.values(), ids=REPEATED)
def test_what_is_given_twice_is_refused(
    api: Api, changes: dict[str, Any], path: list[Any], words: str
) -> None:
    ((refused, message),) = refused_fields(api, **changes)
    assert refused == path
    assert words in message


def test_an_invalid_setting_is_refused_under_its_own_path(api: Api) -> None:
    bad = with_config(RL, epochs=0, sampling={"heat": 1}, seed=3)
    paths = [path for path, _ in refused_fields(api, settings=[VANILLA, SFT, bad])]
    assert sorted(paths) == [
        ["settings", 2, "config", "epochs"],
        ["settings", 2, "config", "sampling", "heat"],
        ["settings", 2, "config", "seed"],
    ]


UNEQUAL = {
    "data.prompt_suffix": {"prompt_suffix": "Think."},
    "data.max_image_pixels": {"max_image_pixels": 1000},
    "evaluation.max_response_tokens": {"max_response_tokens": 9},
    "evaluation.decoding": {"decoding": [{"k": 1, "temperature": 0.5}]},
    "evaluation.pass_at": {"pass_at": [1]},
    "reward.judge_timeout_s": {"judge_timeout_s": 1.0},
    "reflection.words": {"words": ["hmm"]},
}


@pytest.mark.parametrize(("field", "part"), UNEQUAL.items(), ids=UNEQUAL)
def test_settings_that_differ_in_what_must_be_equal_are_refused(
    api: Api, field: str, part: dict[str, Any]
) -> None:
    group = field.split(".")[0]
    other = with_config(RL, **{group: {**RL["config"].get(group, {}), **part}})
    ((path, message),) = refused_fields(api, settings=[SFT, other])
    assert path == ["settings", 1, "config", *field.split(".")]
    assert message.startswith(f"settings must not differ in {field}: sft has ")


def test_settings_may_differ_in_precision_and_device(api: Api) -> None:
    create(api, settings=[SFT, with_config(RL, precision="float32", device="cpu")])


def test_a_setting_that_its_data_set_cannot_serve_is_refused(api: Api) -> None:
    with api.platform.database.session_scope() as session:
        session.execute(sa.update(DatasetItem).values(solution=None))
    ((path, message),) = refused_fields(api)
    assert (path, "has no solution" in message) == (["datasets", 0], True)
    ((path, _),) = refused_fields(api, settings=[VANILLA, RL], models=["tiny", "none"])
    assert path == ["models", 1]
    ((path, _),) = refused_fields(api, settings=[VANILLA, RL], datasets=["none"])
    assert path == ["datasets", 0]
    too_long = with_config(RL, sampling={"max_response_tokens": 8000})
    ((path, message),) = refused_fields(api, settings=[VANILLA, too_long])
    assert path == ["settings", 1, "config", "sampling", "max_response_tokens"]
    assert "8192" in message


def test_an_empty_split_is_refused(api: Api) -> None:
    with api.platform.database.session_scope() as session:
        session.execute(sa.delete(DatasetItem).where(DatasetItem.split == "test"))
    ((path, message),) = refused_fields(api)
    assert path == ["datasets", 0]
    assert "split test of data set 'shapes' is empty" in message


def show_training_picture(api: Api, **same: Any) -> None:
    """Give the first validation problem the picture of the training problems."""
    with api.platform.database.session_scope() as session:
        held = sa.update(DatasetItem).where(DatasetItem.item_id == "validation-1")
        session.execute(held.values(image_sha256=PNG_SHA256, **same))


def test_a_picture_that_also_occurs_in_training_is_a_warning(api: Api) -> None:
    show_training_picture(api)
    experiment = create(api)
    (warning,) = experiment["warnings"]
    assert warning.startswith("shapes: validation: 1 of 2 problems show a picture")
    assert api.get(f"experiments/{experiment['id']}/report")["warnings"][0] == warning


def test_a_problem_that_also_occurs_in_training_is_refused_with_its_rows(api: Api) -> None:
    show_training_picture(api, question="How many? (2)")
    ((path, message),) = refused_fields(api)
    assert path == ["datasets", 0]
    assert "rows 1 (train row 2)" in message


def test_too_many_runs_are_refused(api: Api) -> None:
    many = [{**RL, "name": f"rl-{i}"} for i in range(16)]
    ((path, message),) = refused_fields(
        api, settings=many, seeds=list(range(32)), models=["a", "b"]
    )
    assert (path, "1024" in message) == (["seeds"], True)


def test_presets_of_experiments_say_why_they_cannot_be_launched(api: Api) -> None:
    presets = {preset["slug"]: preset for preset in api.get("presets/experiments")}
    assert set(presets) == {"quickstart-experiment", "quickstart-experiment-full"}
    for preset in presets.values():
        assert "workbench-base" in preset["unavailable_because"]
        assert "workbench-vision" in preset["unavailable_because"]
