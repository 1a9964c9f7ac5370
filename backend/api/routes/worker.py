"""What workers and runners send, with their own token."""

from collections import Counter

from fastapi import APIRouter

from backend.api.dependencies import NowDep, PlatformDep, RunId
from backend.api.services import ingest, leases, operation, workers
from backend.contract.disk import DiskState, read_space
from backend.contract.messages import (
    Announcement,
    AnnouncementReply,
    AttemptEnd,
    ClaimReply,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
    IngestBatch,
)

router = APIRouter(prefix="/worker", tags=["worker"])


@router.post("/announce")
def announce(body: Announcement, platform: PlatformDep, now: NowDep) -> AnnouncementReply:
    """Say that a worker is there, and what it has."""
    with platform.database.session_scope() as session:
        return workers.announce(session, body, now=now)


@router.post("/claim")
def claim(body: ClaimRequest, platform: PlatformDep, now: NowDep) -> ClaimReply:
    """Ask for a run; while the disk of MAYE_HOME is full, none is handed out."""
    settings = platform.settings
    space = read_space(settings.paths.root, settings.min_free_disk_bytes)
    if space.state is DiskState.FULL:
        return ClaimReply(claim=None)
    with platform.database.session_scope() as session:
        found = leases.claim_run(session, body, platform.lease_rules, now=now)
        waited_s = None if found is None else operation.find_wait_s(session, found.run_id, now)
    if waited_s is not None:
        platform.meters.count_claim(waited_s)
    return ClaimReply(claim=found)


@router.post("/runs/{run_id}/heartbeat")
def heartbeat(run_id: RunId, body: Heartbeat, platform: PlatformDep, now: NowDep) -> HeartbeatReply:
    """Renew the lease."""
    with platform.database.session_scope() as session:
        return leases.renew_lease(session, run_id, body, platform.lease_rules, now=now)


@router.post("/runs/{run_id}/ingest")
def ingest_batch(
    run_id: RunId, body: IngestBatch, platform: PlatformDep, now: NowDep
) -> dict[str, str]:
    """Store what the trainer logged; sending it twice changes nothing."""
    with platform.database.session_scope() as session:
        ingest.ingest(session, run_id, body, now=now)
    for kind, number in Counter(record.type for record in body.records).items():
        platform.meters.count_rows(kind, number)
    if body.log:
        platform.meters.count_rows("log", len(body.log))
    return {}


@router.post("/runs/{run_id}/end")
def end(run_id: RunId, body: AttemptEnd, platform: PlatformDep, now: NowDep) -> dict[str, str]:
    """The last word of an attempt."""
    with platform.database.session_scope() as session:
        leases.end_attempt(session, run_id, body, platform.lease_rules, now=now)
    platform.relay.wake()
    return {}
