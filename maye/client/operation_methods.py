"""Workers, and runs as files."""

from collections.abc import Iterator
from pathlib import Path

from maye import api_types as api
from maye.client.connected import Connected
from maye.client.connection import BLOCK_BYTES, OnProgress

ZIP = "application/zip"


class OperationMethods(Connected):
    """Workers and archives."""

    def workers(self) -> list[api.WorkerInfo]:
        """All known workers, with their devices and what holds them."""
        return self.connection.get("workers")

    def storage(self) -> api.StorageInfo:
        """What the platform's disk holds, and what may go when."""
        return self.connection.get("storage")

    def drain_worker(self, name: str) -> api.WorkerInfo:
        """Let a worker finish what it has and take nothing new."""
        return self.connection.post(f"workers/{name}/drain")

    def undrain_worker(self, name: str) -> api.WorkerInfo:
        """Let a worker take runs again."""
        return self.connection.post(f"workers/{name}/undrain")

    def forget_worker(self, name: str) -> None:
        """Take an absent worker out of the list."""
        self.connection.delete(f"workers/{name}")

    def export_run(
        self, run_id: str, target: str | Path, *, on_progress: OnProgress | None = None
    ) -> Path:
        """Write a run that has ended as one zip, which any Maye opens.

        Args:
            run_id: the run.
            target: file to write, or the folder for a file with the platform's name.
            on_progress: told the bytes that have come, and those of the whole.

        Raises:
            ServerError: the platform refused.
        """
        path = f"runs/{run_id}/archive"
        return self.connection.download(path, Path(target), on_progress=on_progress)

    def open_archive(
        self, path: str | Path, *, on_progress: OnProgress | None = None
    ) -> api.RunDetail:
        """Open the zip of a run as a run that can be read; a known one gives the run it became.

        Raises:
            OSError: the file cannot be read.
            ServerError: the platform refused the archive; nothing of it is kept.
        """
        with Path(path).open("rb") as file:
            size_bytes = Path(path).stat().st_size

            def blocks() -> Iterator[bytes]:
                while block := file.read(BLOCK_BYTES):
                    yield block
                    if on_progress is not None:
                        on_progress(file.tell(), size_bytes)

            return self.connection.upload("archives", blocks(), ZIP)
