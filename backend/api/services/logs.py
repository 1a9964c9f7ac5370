"""The end of a run's log, over all attempts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import LogTail
from backend.api.services.run_views import load_run
from backend.database.tables import LogChunk


def load_tail(session: Session, run_id: UUID, max_bytes: int) -> LogTail:
    """The newest max_bytes of the log, cut at a line where possible.

    Raises:
        NotFoundError: there is no such run.
    """
    load_run(session, run_id)
    query = (
        sa.select(LogChunk.text)
        .where(LogChunk.run_id == run_id)
        .order_by(LogChunk.fence.desc(), LogChunk.byte_offset.desc())
        .execution_options(yield_per=16)
    )
    pieces: list[bytes] = []
    num_bytes = 0
    for text in session.scalars(query):
        pieces.append(text.encode())
        num_bytes += len(pieces[-1])
        if num_bytes > max_bytes:
            break
    tail = b"".join(reversed(pieces))
    if num_bytes <= max_bytes:
        return LogTail(text=tail.decode(), is_complete=True)
    cut = tail[-max_bytes:].decode(errors="ignore")
    _, newline, after = cut.partition("\n")
    return LogTail(text=after if newline else cut, is_complete=False)
