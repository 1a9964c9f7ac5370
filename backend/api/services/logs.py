"""A run's log over all attempts: its end, or what follows a cursor."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import LogTail
from backend.api.services.cursors import decode_cursor, encode_cursor
from backend.api.services.run_views import load_run
from backend.database.tables import LogChunk

START = "start"
"""The cursor before the first line."""


def load_tail(session: Session, run_id: UUID, max_bytes: int) -> LogTail:
    """The newest max_bytes of the log, cut at a line where possible.

    Raises:
        NotFoundError: there is no such run.
    """
    load_run(session, run_id)
    query = (
        sa.select(LogChunk.text, LogChunk.fence, LogChunk.byte_offset)
        .where(LogChunk.run_id == run_id)
        .order_by(LogChunk.fence.desc(), LogChunk.byte_offset.desc())
        .execution_options(yield_per=16)
    )
    pieces: list[bytes] = []
    num_bytes = 0
    cursor = None
    for text, fence, byte_offset in session.execute(query):
        pieces.append(text.encode())
        cursor = cursor or encode_cursor(fence, byte_offset + len(pieces[0]))
        num_bytes += len(pieces[-1])
        if num_bytes > max_bytes:
            break
    tail = b"".join(reversed(pieces))
    if num_bytes <= max_bytes:
        return LogTail(text=tail.decode(), is_complete=True, cursor=cursor)
    cut = tail[-max_bytes:].decode(errors="ignore")
    _, newline, after = cut.partition("\n")
    return LogTail(text=after if newline else cut, is_complete=False, cursor=cursor)


def load_after(session: Session, run_id: UUID, after: str, max_bytes: int) -> LogTail:
    """What follows a cursor, in order: whole pieces, as many as fit and at least one.

    Args:
        session: Where to read.
        run_id: The run.
        after: Cursor of the part before; START begins at the first line.
        max_bytes: Enough for one answer.

    Raises:
        NotFoundError: There is no such run.
        InvalidInputError: The cursor is none of ours.
    """
    load_run(session, run_id)
    fence, position = (0, 0) if after == START else map(int, decode_cursor(after, 2))
    of_run = LogChunk.run_id == run_id
    # A sender that lost an acknowledgement may cut its pieces anew: the position counts.
    first = sa.select(sa.func.max(LogChunk.byte_offset)).where(
        of_run, LogChunk.fence == fence, LogChunk.byte_offset <= position
    )
    begin = session.scalar(first) or 0
    query = (
        sa.select(LogChunk.fence, LogChunk.byte_offset, LogChunk.text)
        .where(of_run, sa.tuple_(LogChunk.fence, LogChunk.byte_offset) >= sa.tuple_(fence, begin))
        .order_by(LogChunk.fence, LogChunk.byte_offset)
        .execution_options(yield_per=16)
    )
    pieces: list[bytes] = []
    num_bytes = 0
    for row in session.execute(query):
        piece = row.text.encode()
        if row.fence == fence:
            piece = piece[max(0, position - row.byte_offset) :]
        if pieces and num_bytes + len(piece) > max_bytes:
            break
        if piece:
            pieces.append(piece)
            num_bytes += len(piece)
            fence, position = row.fence, row.byte_offset + len(row.text.encode())
    text = b"".join(pieces).decode(errors="ignore")
    return LogTail(text=text, is_complete=True, cursor=encode_cursor(fence, position))
