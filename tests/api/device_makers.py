"""Workers and queued runs with devices, as tests of scheduling need them."""

from datetime import datetime
from typing import Any

from api_caller import NOW, SMALL
from sqlalchemy.orm import Session

from backend.api.schemas import RunCreate
from backend.api.services.runs import create_run
from backend.api.services.workers import announce
from backend.contract.artifacts import Home
from backend.contract.config import parse_config
from backend.contract.messages import Announcement, AnnouncementReply

GIB = 2**30
CPU = {"kind": "cpu", "name": "A CPU", "memory_bytes": 8 * GIB, "num_cores": 4}


def gpu(index: int, uuid: str, gib: float = 80.0) -> dict[str, Any]:
    memory_bytes = int(gib * GIB)
    return {
        "kind": "cuda",
        "index": index,
        "uuid": uuid,
        "name": "A GPU",
        "memory_bytes": memory_bytes,
    }


def announcement(
    worker: str = "host", *gpus: dict[str, Any], slots: int = 1, **more: Any
) -> dict[str, Any]:
    """What a worker says of itself, as JSON."""
    return {
        "worker": worker,
        "host": "machine",
        "started_at": NOW.isoformat(),
        "slots": slots,
        "devices": [CPU, *gpus],
        "versions": {"python": "3.11.7"},
        **more,
    }


def arrive(
    session: Session, worker: str, *gpus: dict[str, Any], slots: int = 1, now: datetime = NOW
) -> AnnouncementReply:
    """Let a worker announce itself."""
    said = announcement(worker, *gpus, slots=slots)
    return announce(session, Announcement.model_validate(said), now=now)


def queue(
    session: Session,
    home: Home,
    name: str,
    *,
    device: str = "auto",
    devices: int = 1,
    min_gib: float | None = None,
    priority: int = 0,
    now: datetime = NOW,
    **config: Any,
) -> str:
    """A queued run of the library; its id."""
    batch = {
        "responses_per_rl_step": 16,
        "responses_per_update": 16,
        "responses_per_prompt": 8,
    }
    parallel = {"devices": devices, "min_device_memory_gib": min_gib}
    content = {**SMALL, "algorithm": batch, "device": device, "parallel": parallel, **config}
    request = RunCreate(name=name, config=parse_config(content), priority=priority)
    return str(create_run(session, request, home=home, idempotency_key=None, now=now).id)
