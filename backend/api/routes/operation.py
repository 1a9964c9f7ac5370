"""What takes space, what is left of it, and what goes next."""

from fastapi import APIRouter

from backend.api.dependencies import NowDep, PlatformDep
from backend.api.schemas_operation import DiskInfo, RemovalInfo, StorageInfo
from backend.api.services.retention import OVER_QUOTA, Outlook, look_ahead
from backend.api.services.retention_plan import Removal
from backend.contract.disk import DiskState, read_space

router = APIRouter(tags=["operation"])
MAX_REMOVALS = 100


@router.get("/storage")
def get_storage(platform: PlatformDep, now: NowDep) -> StorageInfo:
    """Bytes by kind, the disk, the quota, and what retention takes away next."""
    settings = platform.settings
    stored = platform.storage.read()
    space = read_space(settings.paths.root, settings.min_free_disk_bytes)
    with platform.database.read_scope() as session:
        outlook = look_ahead(session, settings, stored["checkpoints"], now)
    warnings = [] if space.state is DiskState.OK else [space.describe()]
    if outlook.is_over_quota:
        warnings.append(OVER_QUOTA)
    return StorageInfo(
        disk=DiskInfo(
            total_bytes=space.total_bytes,
            free_bytes=space.free_bytes,
            min_free_bytes=space.min_free_bytes,
            state=space.state,
            text=space.describe(),
        ),
        stored_bytes=stored,
        checkpoint_quota_bytes=settings.checkpoint_quota_bytes or None,
        removals=_describe(outlook)[:MAX_REMOVALS],
        warnings=warnings,
    )


def _describe(outlook: Outlook) -> list[RemovalInfo]:
    due = [_removal(one, is_due=True) for one in outlook.due]
    return due + [_removal(one, is_due=False) for one in outlook.soon]


def _removal(removal: Removal, *, is_due: bool) -> RemovalInfo:
    one = removal.checkpoint
    return RemovalInfo(
        run_id=one.run_id,
        run_name=one.run_name,
        checkpoint=one.name,
        rl_step=one.rl_step,
        size_bytes=one.size_bytes,
        is_due=is_due,
        reason=removal.reason,
    )
