"""A real server on a real port, in a thread of the test, that can be stopped and started again."""

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn

from backend.api.app import create_app
from backend.api.dependencies import Platform
from backend.contract.settings import Settings
from backend.database.columns import split_float
from backend.database.tables import LogChunk, MetricPoint, RLStep, Run, Sample
from maye import Client
from maye.redis_server import find_free_port
from tests.api.api_caller import NOW, PNG, PNG_SHA256, SMALL, fill_library


@dataclass
class Served:
    """A platform that answers at `address`."""

    home: Path
    port: int = field(default_factory=find_free_port)
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings in place of the defaults."""
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None
    platform: Platform | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        more = {"relay_s": 3600, "static_dir": self.home / "dist", **self.overrides}
        return Settings.model_validate({"home": self.home, **more})

    @property
    def environment(self) -> dict[str, str]:
        return {"MAYE_HOME": str(self.home), "MAYE_API_URL": self.address}

    def start(self) -> None:
        app = create_app(self.settings)
        config = uvicorn.Config(
            app, port=self.port, log_level="error", lifespan="on", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)
        self.platform = app.state.platform

    def stop(self) -> None:
        if self.server is not None and self.thread is not None:
            if self.platform is not None:
                self.platform.changefeed.close()
            self.server.should_exit = True
            self.thread.join()
        self.server = None

    def client(self) -> Client:
        return Client.from_environment(self.environment)

    @property
    def open_platform(self) -> Platform:
        assert self.platform is not None
        return self.platform

    def fill_library(self) -> None:
        fill_library(self.open_platform.database, self.settings.paths)
        images = self.settings.paths.dataset("shapes") / "images"
        images.mkdir(parents=True)
        (images / PNG_SHA256).write_bytes(PNG)

    def create_run(self, client: Client, name: str = "first") -> str:
        return client.launch(name, SMALL)["id"]

    def change_run(self, run_id: str, **values: Any) -> None:
        """Write what a runner would have told."""
        with self.open_platform.database.session_scope() as session:
            run = session.get_one(Run, UUID(run_id))
            for name, value in values.items():
                setattr(run, name, value)

    def log_step(self, run_id: str, rl_step: int, values: dict[str, float]) -> None:
        """Store a step as the ingest does."""
        identity = {"run_id": UUID(run_id), "rl_step": rl_step}
        with self.open_platform.database.session_scope() as session:
            session.add(
                RLStep(
                    **identity,
                    epoch=rl_step / 3,
                    samples=8 * rl_step,
                    tokens=80 * rl_step,
                    seconds=1.1 * rl_step,
                    logged_at=NOW + timedelta(seconds=rl_step, microseconds=123),
                    fence=1,
                )
            )
            for key, value in values.items():
                number, nonfinite = split_float(value)
                point = MetricPoint(**identity, key=key, value=number, fence=1, seq=1)
                point.nonfinite = nonfinite
                session.add(point)

    def log_sample(self, run_id: str, rl_step: int, *, response: str) -> None:
        with self.open_platform.database.session_scope() as session:
            session.add(
                Sample(
                    run_id=UUID(run_id),
                    rl_step=rl_step,
                    position=0,
                    item_id="item-1",
                    split="train",
                    response=response,
                    num_response_tokens=3,
                    is_truncated=False,
                    extracted_answer="1",
                    is_correct=True,
                    outcome_reward=1.0,
                    reward_parts={"accuracy": 1.0},
                    fence=1,
                    seq=1,
                )
            )

    def log_text(self, run_id: str, offset: int, text: str, *, fence: int = 1) -> None:
        with self.open_platform.database.session_scope() as session:
            session.add(
                LogChunk(run_id=UUID(run_id), fence=fence, byte_offset=offset, text=text, seq=1)
            )
