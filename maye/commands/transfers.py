"""The progress of files on their way, for people who watch."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from maye.client.connection import OnProgress
from maye.commands.output import Output


@contextmanager
def showing_bytes(output: Output, text: str) -> Iterator[OnProgress]:
    """A bar on standard error, in a terminal."""
    columns = (TextColumn(text), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    is_shown = output.errors.is_terminal
    with Progress(*columns, console=output.errors, transient=True, disable=not is_shown) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole or None)
