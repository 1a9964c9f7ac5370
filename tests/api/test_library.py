"""Data sets, models, pictures, presets, and the front end: no path ever comes from a client."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from api_caller import PNG, PNG_SHA256, Api
from PIL import Image

from backend.contract.presets import load_presets
from backend.contract.settings import Settings

CANARY = "canary-in-a-file-outside"
TRAVERSALS = (
    "..",
    "../../admin-token",
    "../" * 8 + "etc/passwd",
    "/etc/passwd",
    "..\\..\\admin-token",
    "%2e%2e/%2e%2e/admin-token",
    "..;/admin-token",
    "\u2025/admin-token",
    "a" * 64 + "/../../../admin-token",
    "a" * 63 + "\x00",
    "A" * 64,
    "file:///etc/passwd",
    "",
)


def make_dataset(folder: Path, **manifest: str) -> None:
    folder.mkdir(parents=True)
    (folder / "images").mkdir()
    Image.new("RGB", (32, 32), (200, 10, 10)).save(folder / "images" / "red.png")
    rows = [
        {"id": f"r{i}", "question": "Red?", "answer": "yes", "image": "images/red.png"}
        for i in range(5)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"slug": "reds", "title": "Reds", "kind": "vision-dominant", "licence": "CC0"}
    lines = [f"{name}: {value}" for name, value in {**fields, **manifest}.items()]
    (folder / "dataset.yaml").write_text("\n".join([*lines, "splits: {train: train.jsonl}"]))


def test_a_folder_becomes_a_data_set_with_problems_and_pictures(
    api: Api, settings: Settings
) -> None:
    make_dataset(settings.resolved_import_dir / "reds")
    answer = api.post("datasets", {"folder": "reds"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["splits"] == [{"name": "train", "num_items": 5}]
    assert api.get("datasets/reds") == answer.json()
    assert [d["slug"] for d in api.get("datasets")] == ["reds", "shapes"]
    first = api.get("datasets/reds/items", limit=3, split="train")
    rest = api.get("datasets/reds/items", limit=3, cursor=first["next_cursor"])
    assert [i["row"] for i in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert rest["next_cursor"] is None
    picture = first["items"][0]["image_sha256"]
    path = f"/api/v1/datasets/reds/images/{picture}"
    answer = api.client.get(path, headers=api.person)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert api.post("datasets", {"folder": "reds"}).status_code == 409


def test_a_bad_row_refuses_the_whole_import_and_is_listed(api: Api, settings: Settings) -> None:
    folder = settings.resolved_import_dir / "bad"
    make_dataset(folder, slug="bad")
    with (folder / "train.jsonl").open("a") as file:
        file.write("no json\n")
    answer = api.post("datasets", {"folder": "bad"})
    assert (answer.status_code, answer.json()["code"]) == (422, "dataset_invalid")
    assert "train.jsonl row 6" in answer.json()["detail"]
    assert api.client.get("/api/v1/datasets/bad", headers=api.person).status_code == 404
    assert not settings.paths.dataset("bad").exists()


def test_import_folders_that_are_absent_or_links_are_not_found(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    make_dataset(tmp_path / "outside")
    (settings.resolved_import_dir / "link").symlink_to(tmp_path / "outside")
    for name in ("absent", "link"):
        assert api.post("datasets", {"folder": name}).status_code == 404
        body = {"folder": name, "slug": "m", "title": "M"}
        assert api.post("models", body).status_code == 404
    for name in TRAVERSALS:
        assert api.post("datasets", {"folder": name}).status_code in {404, 422}, name


def test_a_model_with_code_is_refused_and_leaves_nothing(api: Api, settings: Settings) -> None:
    folder = settings.resolved_import_dir / "evil"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl", "auto_map": {}}')
    (folder / "modeling.py").write_text("raise SystemExit")
    answer = api.post("models", {"folder": "evil", "slug": "evil", "title": "Evil"})
    assert (answer.status_code, answer.json()["code"]) == (422, "model_invalid")
    assert [model["slug"] for model in api.get("models")] == ["tiny"]
    assert not settings.paths.model("evil").exists()


def test_a_known_model_is_not_imported_again(api: Api, settings: Settings) -> None:
    (settings.resolved_import_dir / "again").mkdir(parents=True)
    answer = api.post("models", {"folder": "again", "slug": "tiny", "title": "T"})
    assert answer.status_code == 409


def test_a_picture_is_served_by_hash_with_its_type_from_its_bytes(api: Api) -> None:
    path = f"/api/v1/datasets/shapes/images/{PNG_SHA256}"
    answer = api.client.get(path, headers=api.person)
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("is_quoted", [False, True])
def test_no_path_leads_out_of_the_pictures(
    api: Api, settings: Settings, tmp_path: Path, is_quoted: bool
) -> None:
    (tmp_path / "outside").write_text(CANARY)
    images = settings.paths.dataset("shapes") / "images"
    (images / ("b" * 64)).symlink_to(tmp_path / "outside")
    secrets = (CANARY, api.platform.tokens.admin, api.platform.tokens.worker, "root:")
    for name in (*TRAVERSALS, "b" * 64):
        text = quote(name, safe="") if is_quoted else name.replace("\x00", "%00")
        for path in (
            f"/api/v1/datasets/shapes/images/{text}",
            f"/api/v1/datasets/{text}/images/{PNG_SHA256}",
            f"/api/v1/models/{text}",
            f"/{text}",
            f"/assets/{text}",
        ):
            answer = api.client.get(path, headers=api.person)
            assert answer.status_code < 500 or "not built" in answer.text, path
            assert not any(secret in answer.text for secret in secrets), path


def test_presets_say_why_they_cannot_be_launched(api: Api) -> None:
    for preset in api.get("presets"):
        assert "not imported yet" in preset["unavailable_because"]
        assert preset["description"]
    assert len(api.get("presets")) == len(load_presets())


def test_the_schema_of_the_form_and_the_catalogue_are_served(api: Api) -> None:
    schema = api.get("schemas/run-config")
    assert schema["properties"]["epochs"]["description"]
    names = [metric["name"] for metric in api.get("metric-catalogue")]
    assert "training/accuracy" in names


def test_the_front_end_is_served_with_its_page_for_every_view(api: Api, settings: Settings) -> None:
    assert api.client.get("/").status_code == 503
    folder = settings.static_dir
    assert folder is not None
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Maye</title>")
    (folder / "assets" / "app.js").write_text("run()")
    for path in ("/", "/runs", "/runs/00000000-0000-0000-0000-000000000000"):
        answer = api.client.get(path)
        assert answer.text == "<title>Maye</title>"
        assert answer.headers["cache-control"] == "no-cache"
    assert "immutable" in api.client.get("/assets/app.js").headers["cache-control"]
    assert api.client.get("/assets/absent.js").status_code == 404
    assert api.client.get("/api/v1/absent").json()["code"] == "not_found"
    assert api.client.post("/").status_code == 405
    assert api.client.delete("/api/v1/runs", headers=api.person).status_code == 405
