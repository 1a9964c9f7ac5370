"""A run that has logged something of every kind, its archive, and archives that are damaged."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from api_caller import Api, step
from PIL import Image
from test_trajectories import lay_down

from backend.database.tables import DatasetItem

Entries = dict[str, bytes]
ODD_NUMBERS = [0.1, 5e-324, -0.0, 1.7976931348623157e308, "NaN", "Infinity", "-Infinity"]


def picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (28, 28), "red").save(target, "PNG")
    return target.getvalue()


def put_real_picture(api: Api) -> str:
    """Give the library's problems a picture that is one; its hash."""
    content = picture()
    sha256 = hashlib.sha256(content).hexdigest()
    folder = api.platform.settings.paths.dataset("shapes") / "images"
    (folder / sha256).write_bytes(content)
    with api.platform.database.session_scope() as session:
        session.execute(sa.update(DatasetItem).values(image_sha256=sha256))
        dataset_id = session.scalars(sa.select(DatasetItem.dataset_id).limit(1)).one()
        for row in (1, 2, 3):
            session.add(
                DatasetItem(
                    dataset_id=dataset_id,
                    split="validation",
                    row=row,
                    item_id=f"held-{row}",
                    question=f"Which? <b>{row}</b>",
                    answer=str(row),
                    solution="Look." if row == 1 else None,
                    difficulty=str(row),
                    image_sha256=None,
                )
            )
    return sha256


def sample(rl_step: int, index: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "sample",
        "rl_step": rl_step,
        "index": index,
        "item_id": f"item-{index + 1}",
        "split": "train",
        "response": "Weiß ich nicht \u2028 \\boxed{3} 😀 \\u0000",
        "num_response_tokens": 7,
        "is_truncated": False,
        "extracted_answer": "3" if index else None,
        "is_correct": bool(index),
        "outcome_reward": "NaN" if index else -0.1,
        "reward_parts": {"language": "-Infinity", "accuracy": 0.1},
        **more,
    }


def answer(item: int, number: int, *, pictures: str = "own") -> dict[str, Any]:
    return {
        "type": "answer",
        "rl_step": 2,
        "split": "validation",
        "pictures": pictures,
        "k": 2,
        "temperature": 0.7,
        "top_p": 0.9,
        "item_id": f"held-{item}",
        "sample": number,
        "response": "wait, \\boxed{1}",
        "num_response_tokens": 5,
        "is_truncated": False,
        "is_repeating": False,
        "extracted_answer": "1",
        "is_correct": item == 1,
        "failure": "too long" if number else None,
        "reward_parts": {"accuracy": float(item == 1)},
        "reflection": {"wait": 1},
    }


def finish_run(api: Api) -> str:
    """A run with a lost attempt, metrics, responses, answers, log, checkpoints, trace; its id."""
    api.create_run("counting, seed 1", trace={"every_rl_steps": 3, "samples": [0, 1]})
    lost = api.claim()
    assert lost is not None
    assert api.beat(lost).status_code == 200
    log = [{"fence": 1, "offset": 0, "text": "first\n"}]
    assert api.ingest(lost, [step(0, training__accuracy=0.25)], log).status_code == 200
    assert api.end(lost, "lost", reason="killed").status_code == 200
    claim = api.claim()
    assert claim is not None
    assert api.beat(claim).status_code == 200
    # The control comes first, so that its id is the lower one.
    control = [answer(3, number, pictures="permuted") for number in range(2)]
    assert api.ingest(claim, control).status_code == 200
    records = [
        *(step(n, training__accuracy=number) for n, number in enumerate(ODD_NUMBERS)),
        *(sample(n, index) for n in (1, 2) for index in (0, 1)),
        *(answer(item, n) for item in (2, 1) for n in range(2)),
        {"type": "notice", "rl_step": 2, "text": "the judge was slow"},
        {"type": "progress", "rl_step": 6, "total_rl_steps": 6, "phase": "training"},
        {
            "type": "checkpoint",
            "rl_step": 3,
            "name": "step-00000003.f2",
            "manifest_sha256": "c" * 64,
            "size_bytes": 1234,
        },
    ]
    log = [{"fence": 2, "offset": n * 6, "text": f"line{n}\n"} for n in range(3)]
    assert api.ingest(claim, records, log).status_code == 200
    assert api.end(claim, "succeeded").status_code == 200
    lay_down(api.platform.settings.paths.run(UUID(claim["run_id"])).trace(3, 2))
    return claim["run_id"]


def download(api: Api, run_id: str) -> bytes:
    response = api.client.get(f"/api/v1/runs/{run_id}/archive", headers=api.person)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    assert int(response.headers["content-length"]) == len(response.content)
    return response.content


def upload(api: Api, content: bytes) -> Any:
    return api.client.post("/api/v1/archives", content=content, headers=api.person)


def read_entries(archive: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def write_entries(entries: Entries, *, compression: dict[str, int] | None = None) -> bytes:
    """An archive of any entries, with a manifest that fits unless they have one."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as opened:
        for name, content in entries.items():
            is_json = name.endswith((".json", ".jsonl"))
            default = zipfile.ZIP_DEFLATED if is_json else zipfile.ZIP_STORED
            opened.writestr(name, content, (compression or {}).get(name, default))
    return target.getvalue()


def with_manifest(entries: Entries, **changes: Any) -> Entries:
    """Entries whose manifest has their hashes."""
    manifest = json.loads(entries["manifest.json"]) | changes
    others = {name: content for name, content in entries.items() if name != "manifest.json"}
    manifest["entries"] = {
        name: {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in others.items()
    }
    return {**others, "manifest.json": json.dumps(manifest).encode()}


def changed(
    archive: bytes, name: str, change: Callable[[bytes], bytes], *, is_signed: bool = True
) -> bytes:
    """The archive with one entry changed; the manifest follows unless it is not to."""
    entries = read_entries(archive)
    entries[name] = change(entries[name])
    return write_entries(with_manifest(entries) if is_signed else entries)
