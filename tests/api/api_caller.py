"""The API as people and workers call it, and a library to call it about."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from backend.api.dependencies import Platform
from backend.api.schemas import RunCreate
from backend.api.services.runs import create_run
from backend.contract.artifacts import Home
from backend.contract.config import RLConfig
from backend.database.session import Database
from backend.database.tables import Dataset, DatasetItem, Model

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
PNG_SHA256 = "a" * 64
LOGGED_AT = "2026-01-02T03:04:05Z"
SMALL: dict[str, Any] = {
    "model": "tiny",
    "dataset": "shapes",
    "algorithm": {"responses_per_rl_step": 2, "responses_per_update": 2},
}
"""A configuration that the library can serve."""
TINY = {
    "model_type": "qwen2_5_vl",
    "tie_word_embeddings": True,
    "text_config": {"max_position_embeddings": 8192},
    "vision_config": {},
}
"""What config.json of the library's model says."""
_HOMES: dict[str, Home] = {}
"""Database URL to the folder of its library."""


@dataclass(frozen=True)
class Api:
    """The API as people and workers call it."""

    client: TestClient
    platform: Platform

    @property
    def person(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.platform.tokens.admin}"}

    @property
    def worker(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.platform.tokens.worker}"}

    def get(self, path: str, **params: Any) -> Any:
        response = self.client.get(f"/api/v1/{path}", headers=self.person, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return self.client.post(
            f"/api/v1/{path}", json=body, headers={**self.person, **(headers or {})}
        )

    def work(self, path: str, body: Any) -> Any:
        return self.client.post(f"/api/v1/worker/{path}", json=body, headers=self.worker)

    def create_run(self, name: str = "first", **config: Any) -> dict[str, Any]:
        body = {"name": name, "config": {**SMALL, **config}}
        response = self.post("runs", body)
        assert response.status_code == 201, response.text
        return response.json()

    def claim(self, worker: str = "host", slots: int = 1) -> dict[str, Any] | None:
        response = self.work("claim", {"worker": worker, "slots": slots})
        assert response.status_code == 200, response.text
        return response.json()["claim"]

    def beat(self, claim: dict[str, Any], *, is_training: bool = True) -> Any:
        body = {"fence": claim["fence"], "is_training": is_training}
        return self.work(f"runs/{claim['run_id']}/heartbeat", body)

    def ingest(
        self, claim: dict[str, Any], records: list[Any], log: list[Any] | None = None
    ) -> Any:
        body = {"fence": claim["fence"], "records": records, "log": log or []}
        return self.work(f"runs/{claim['run_id']}/ingest", body)

    def end(self, claim: dict[str, Any], outcome: str, **more: Any) -> Any:
        body = {"fence": claim["fence"], "outcome": outcome, **more}
        return self.work(f"runs/{claim['run_id']}/end", body)


def step(rl_step: int, **metrics: float | str) -> dict[str, Any]:
    """A step record; metric names use one underscore pair for the slash."""
    return {
        "type": "step",
        "rl_step": rl_step,
        "epoch": rl_step / 10,
        "samples": rl_step * 8,
        "tokens": rl_step * 80,
        "seconds": rl_step * 1.5,
        "logged_at": LOGGED_AT,
        "metrics": {name.replace("__", "/"): value for name, value in metrics.items()},
    }


def write_model(home: Home, config: dict[str, Any]) -> None:
    """The one file of the library's model that the API reads."""
    folder = home.model("tiny")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))


def fill_library(database: Database, home: Home) -> UUID:
    """One model, and one data set with two training problems."""
    dataset_id = uuid4()
    _HOMES[str(database.engine.url)] = home
    write_model(home, TINY)
    with database.session_scope() as session:
        session.add(
            Model(
                id=uuid4(),
                slug="tiny",
                title="Tiny",
                architecture="Qwen2_5_VLForConditionalGeneration",
                num_parameters=1000,
                size_bytes=4000,
                created_at=NOW,
            )
        )
        dataset = Dataset(
            id=dataset_id,
            slug="shapes",
            title="Shapes",
            kind="vision-dominant",
            licence="CC0",
            num_images=1,
            created_at=NOW,
        )
        session.add(dataset)
        session.flush()
        for row in (1, 2):
            session.add(
                DatasetItem(
                    dataset_id=dataset_id,
                    split="train",
                    row=row,
                    item_id=f"item-{row}",
                    question=f"How many? ({row})",
                    answer=str(row),
                    category="counting",
                    image_sha256=PNG_SHA256,
                )
            )
    return dataset_id


def queue_run(session: Session, name: str = "run") -> UUID:
    """A run of the library that `fill_library` made for the session's database."""
    request = RunCreate(name=name, config=RLConfig.model_validate(SMALL))
    home = _HOMES[str(session.get_bind().engine.url)]
    return create_run(session, request, home=home, idempotency_key=None, now=NOW).id
