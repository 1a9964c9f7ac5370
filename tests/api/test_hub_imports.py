"""Data sets and models from the hub, which here is a server of the test on this machine."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from api_caller import Api, fill_library
from fake_hub import COMMIT, FakeHub, fake_hub
from fastapi.testclient import TestClient
from pydantic import SecretStr
from test_model_import import CONFIG, TENSORS, safetensors
from test_relay import free_port
from zip_makers import ABOUT, files, picture

from backend.api.app import create_app
from backend.contract.settings import Settings

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MANIFEST: dict[str, Any] = {
    "slug": "from-hub",
    "title": "From the hub",
    "kind": "vision-dominant",
    "licence": "MIT",
    "splits": {"train": "data/train-*.parquet", "test": "data/test-*.parquet"},
}
DATASET = "datasets/someone/shapes"
MODEL = "models/someone/tiny"
TOKEN = "hf_ThisIsTheOperatorsSecret"


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with fake_hub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def _clean(hub: FakeHub) -> None:
    hub.repos.clear()
    hub.gated.clear()
    hub.requests.clear()
    hub.tokens.clear()
    hub.lies_about_sizes = False


@contextmanager
def running(settings: Settings, hub: FakeHub, **changes: Any) -> Iterator[Api]:
    with_hub = settings.model_copy(update={"hub_url": hub.address, **changes})
    app = create_app(with_hub)
    with TestClient(app) as client:
        if not settings.paths.model("tiny").exists():
            fill_library(app.state.platform.database, settings.paths)
        yield Api(client, app.state.platform)
    temporary = settings.paths.temporary
    assert not temporary.exists() or not list(temporary.iterdir())


@pytest.fixture
def api(settings: Settings, hub: FakeHub) -> Iterator[Api]:
    with running(settings, hub) as api:
        yield api


def rows(*answers: str) -> bytes:
    body = io.BytesIO()
    images = pa.array([{"bytes": picture(), "path": None} for _ in answers], STRUCT)
    pq.write_table(
        pa.table({"problem": ["q"] * len(answers), "answer": list(answers), "images": images}), body
    )
    return body.getvalue()


def hold_dataset(hub: FakeHub) -> None:
    hub.repos[DATASET] = {
        "README.md": b"# Shapes",
        "data/train-00000-of-00002.parquet": rows("1", "2"),
        "data/train-00001-of-00002.parquet": rows("3"),
        "data/test-00000-of-00001.parquet": rows("4"),
        "data/extra.parquet": rows("5"),
        "loader.py": b"raise SystemExit",
    }


def hold_model(hub: FakeHub, **config: Any) -> dict[str, bytes]:
    hub.repos[MODEL] = {
        ".gitattributes": b"",
        "README.md": b"# Tiny",
        "config.json": json.dumps({**CONFIG, **config}).encode(),
        "tokenizer.json": b"{}",
        "merges.txt": b"a b",
        "chat_template.jinja": b"{{ messages }}",
        "preprocessor_config.json": b"{}",
        "model.safetensors": safetensors(TENSORS, 66),
        "modeling_tiny.py": b"raise SystemExit",
        "pytorch_model.bin": b"pickle",
        "original/model.safetensors": b"other",
    }
    return hub.repos[MODEL]


def add_dataset(api: Api, **changes: Any) -> Any:
    body = {"repo_id": "someone/shapes", "manifest": MANIFEST, **changes}
    return api.post("datasets/hub", body)


def add_model(api: Api, **changes: Any) -> Any:
    body = {"repo_id": "someone/tiny", "slug": "hub-tiny", "title": "Tiny", **changes}
    return api.post("models/hub", body)


def test_parquet_shards_are_fetched_and_imported_at_their_commit(api: Api, hub: FakeHub) -> None:
    hold_dataset(hub)
    response = add_dataset(api)
    assert response.status_code == 201, response.text
    dataset = response.json()
    assert dataset["source"] == f"hub someone/shapes@{COMMIT}"
    assert dataset["splits"] == [
        {"name": "train", "num_items": 3},
        {"name": "test", "num_items": 1},
    ]
    assert sorted(hub.fetched) == sorted(name for name in hub.repos[DATASET] if "-of-" in name)
    answers = [
        item["answer"] for item in api.get("datasets/from-hub/items", split="train")["items"]
    ]
    assert answers == ["1", "2", "3"]
    assert hub.tokens == {None}


def test_lines_of_jsonl_come_with_their_pictures_and_their_manifest(api: Api, hub: FakeHub) -> None:
    hub.repos[DATASET] = {**files(), "setup.py": b"x", "../evil.png": picture()}
    response = add_dataset(api, manifest=None, revision=COMMIT)
    assert response.status_code == 201, response.text
    assert response.json()["slug"] == ABOUT["slug"]
    assert sorted(hub.fetched) == ["dataset.yaml", "images/red one.png", "train.jsonl"]


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"repo_id": "someone/else"}, 404, "the hub has no data set 'someone/else'"),
        ({"revision": "v9"}, 404, "has no revision 'v9'"),
        ({"manifest": None}, 422, "has no dataset.yaml: say in the manifest"),
        (
            {"manifest": {**MANIFEST, "splits": {"train": "nope*.parquet"}}},
            422,
            "has no file 'nope*.parquet' (there are: data/extra.parquet, data/test-",
        ),
        ({"manifest": {**MANIFEST, "format": "jsonl"}}, 422, "format is jsonl, but a split names"),
        ({"repo_id": "../secret"}, 422, "repo_id"),
        ({"repo_id": "http://127.0.0.1:1/x"}, 422, "repo_id"),
        ({"repo_id": "a/b/c"}, 422, "repo_id"),
        ({"revision": "../../x"}, 422, "revision"),
        ({"manifest": {**MANIFEST, "splits": {"train": "/etc/passwd"}}}, 422, "splits"),
    ],
)
def test_what_is_not_there_is_said(
    api: Api, hub: FakeHub, changes: dict[str, Any], status: int, reason: str
) -> None:
    hold_dataset(hub)
    response = add_dataset(api, **changes)
    assert response.status_code == status, response.text
    assert reason in response.json()["detail"]
    assert [dataset["slug"] for dataset in api.get("datasets")] == ["shapes"]


def test_a_hub_that_cannot_be_reached_is_said_with_the_way_out(
    settings: Settings, hub: FakeHub
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with running(settings, hub, hub_url=nowhere, hub_token=SecretStr(TOKEN)) as api:
        for response in (add_dataset(api), add_model(api)):
            assert response.status_code == 502
            problem = response.json()
            assert problem["code"] == "hub_unavailable"
            assert "cannot be reached from this machine: " in problem["detail"]
            assert "; put the folder under MAYE_IMPORT_DIR instead" in problem["detail"]
            assert TOKEN not in response.text


def test_the_operator_may_close_the_hub_or_name_who_is_trusted(
    settings: Settings, hub: FakeHub
) -> None:
    hold_dataset(hub)
    hold_model(hub)
    with running(settings, hub, hub_enabled=False) as api:
        for response in (add_dataset(api), add_model(api)):
            assert response.status_code == 403
            assert "MAYE_HUB_ENABLED" in response.json()["detail"]
    with running(settings, hub, hub_owners="Qwen, else") as api:
        assert "repositories of Qwen, else alone" in add_model(api).json()["detail"]
    assert hub.requests == []


def test_the_operators_token_goes_to_the_hub_and_nowhere_else(
    settings: Settings, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    hold_dataset(hub)
    caplog.set_level("DEBUG")
    with running(settings, hub, hub_token=SecretStr(TOKEN)) as api:
        assert add_dataset(api).status_code == 201
        assert hub.tokens == {f"Bearer {TOKEN}"}
        hub.gated.add(DATASET)
        refused = add_dataset(api)
        assert refused.status_code == 403
        assert "gated" in refused.json()["detail"]
        assert TOKEN not in refused.text
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(Settings(hub_token=SecretStr(TOKEN)))


def test_more_than_is_allowed_is_not_fetched(settings: Settings, hub: FakeHub) -> None:
    hold_dataset(hub)
    with running(settings, hub, max_hub_bytes=2000) as api:
        response = add_dataset(api)
        assert response.status_code == 422
        assert "allowed 2000 (MAYE_MAX_HUB_BYTES)" in response.json()["detail"]
    assert hub.fetched == []


def test_a_file_that_is_not_as_listed_is_refused(api: Api, hub: FakeHub) -> None:
    hold_dataset(hub)
    hub.lies_about_sizes = True
    response = add_dataset(api)
    assert response.status_code == 502
    assert "the hub had listed" in response.json()["detail"]


def test_bad_rows_of_the_hub_are_listed_by_file_and_row(api: Api, hub: FakeHub) -> None:
    hold_dataset(hub)
    hub.repos[DATASET]["data/train-00001-of-00002.parquet"] = rows("3", "")
    detail = add_dataset(api).json()["detail"]
    assert detail.splitlines()[1].startswith("data/train-00001-of-00002.parquet row 2: no answer")


def test_a_model_is_fetched_without_its_code(api: Api, hub: FakeHub) -> None:
    held = hold_model(hub)
    response = add_model(api)
    assert response.status_code == 201, response.text
    model = response.json()
    assert model["source"] == f"hub someone/tiny@{COMMIT}"
    assert model["num_parameters"] == 18
    wanted = {"config.json", "tokenizer.json", "merges.txt", "chat_template.jinja"}
    wanted |= {"preprocessor_config.json", "model.safetensors"}
    assert set(hub.fetched) == wanted
    stored = api.platform.settings.paths.model("hub-tiny")
    assert {path.name: path.read_bytes() for path in stored.iterdir()} == {
        name: held[name] for name in wanted
    }
    assert add_model(api).status_code == 409


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        pytest.param(
            {"_attn_implementation_internal": "someone/kernel"}, "can load code", id="CVE-2026-4372"
        ),
        pytest.param(
            {"model_type": "lightglue", "trust_remote_code": True}, "allowed: ", id="CVE-2026-5241"
        ),
        pytest.param(
            {"auto_map": {"AutoModel": "modeling_tiny.Tiny"}}, "can load code", id="CVE-2026-22807"
        ),
        pytest.param({"vision_config": {"auto_map": {}}}, "can load code", id="nested-auto_map"),
        pytest.param({"architectures": ["Evil"]}, "architectures", id="other-class"),
    ],
)
def test_a_model_that_could_run_code_is_refused_before_its_weights_are_fetched(
    api: Api, hub: FakeHub, config: dict[str, Any], reason: str
) -> None:
    hold_model(hub, **config)
    response = add_model(api)
    assert response.status_code == 422
    assert response.json()["code"] == "model_invalid"
    assert reason in response.json()["detail"]
    assert "model.safetensors" not in hub.fetched
    assert not [name for name in hub.fetched if name.endswith((".py", ".bin"))]
    assert not api.platform.settings.paths.model("hub-tiny").exists()


def test_an_adapter_or_pickled_weights_are_refused(api: Api, hub: FakeHub) -> None:
    held = hold_model(hub)
    held["adapter_config.json"] = b"{}"
    assert "adapter" in add_model(api).json()["detail"]
    del held["adapter_config.json"], held["model.safetensors"]
    assert "has no weights as model*.safetensors" in add_model(api).json()["detail"]
