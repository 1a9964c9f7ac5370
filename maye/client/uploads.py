"""What to send to the platform: a folder zipped on the fly, a zip or parquet file as it is."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maye.client.connection import BLOCK_BYTES, OnProgress
from maye.errors import CommandError

MEDIA_TYPES = {
    ".zip": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
}
DENSE = frozenset({".png", ".jpg", ".jpeg", ".webp", ".parquet"})
"""Files that do not shrink are stored as they are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something to add is."""

    kind: Literal["here", "import", "hub"]
    """A path on this machine, a folder of the platform's import folder, or a hub's repository."""
    name: str
    revision: str = "main"
    """Of a repository."""


def find_place(source: str | Path, *, has_files: bool = True) -> Place:
    """What a person means by a source.

    Args:
        source: `hub:owner/name[@revision]`, `import:name`, a path, or a name.
        has_files: whether files of this machine can be sent.

    Raises:
        CommandError: it names nothing, or a path where none can be sent.

    >>> find_place("hub:someone/shapes@v1")
    Place(kind='hub', name='someone/shapes', revision='v1')
    >>> find_place("import:my-sums").kind, find_place("no-such-file").kind
    ('import', 'import')
    """
    text = str(source)
    kind, colon, rest = text.partition(":")
    if colon and kind == "hub":
        name, _, revision = rest.partition("@")
        return Place("hub", name, revision or "main")
    if colon and kind == "import":
        return Place("import", rest)
    if has_files and (isinstance(source, Path) or Path(source).exists()):
        return Place("here", text)
    if "/" in text or "\\" in text:
        allowed = "a path that exists, " if has_files else ""
        raise CommandError(
            f"{text!r} cannot be added: allowed are {allowed}hub:owner/name and the name of a "
            "folder of the platform's import folder (MAYE_IMPORT_DIR)"
        )
    return Place("import", text)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is sent."""

    media_type: str
    num_bytes: int
    """Of what is read; a zip made on the way may be smaller."""
    blocks: Iterator[bytes]


def prepare(path: Path, on_progress: OnProgress | None) -> Upload:
    """A data set on this machine, ready to be sent.

    Args:
        path: a folder, a zip or a parquet file.
        on_progress: told how far it is.

    Raises:
        CommandError: it is none of these, or a folder with links.
    """
    if path.is_dir():
        files = list_files(path)
        num_bytes = sum(file.stat().st_size for file in files)
        blocks = _zip(path, files, lambda done: _tell(on_progress, done, num_bytes))
        return Upload(MEDIA_TYPES[".zip"], num_bytes, blocks)
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None or not path.is_file():
        raise CommandError(f"{path} is no folder, zip or parquet file")
    num_bytes = path.stat().st_size
    blocks = _read(path, lambda done: _tell(on_progress, done, num_bytes))
    return Upload(media_type, num_bytes, blocks)


def list_files(folder: Path) -> list[Path]:
    """The files to send of a folder and the folders below it; hidden ones stay here.

    Raises:
        CommandError: one is a link: what it leads to may be anything.
    """
    files: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink():
            raise CommandError(f"{path} is a link: put the file itself there")
        if path.is_file():
            files.append(path)
    if not files:
        raise CommandError(f"{folder} holds no files")
    return files


def _tell(on_progress: OnProgress | None, done: int, num_bytes: int) -> None:
    if on_progress is not None:
        on_progress(done, num_bytes)


def _read(path: Path, tell: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
            done += len(block)
            tell(done)


class _Pipe:
    """Takes what the zip module writes; nothing is kept but what was not sent yet."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, content: bytes) -> int:
        """Keep it until it is sent."""
        self.waiting += content
        return len(content)

    def flush(self) -> None:
        """Nothing lies anywhere else."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        """What is waiting; it is not kept."""
        block = bytes(self.waiting)
        self.waiting.clear()
        return block


def _zip(folder: Path, files: list[Path], tell: Callable[[int], None]) -> Iterator[bytes]:
    """A zip as it is made: never in memory, never on this disk."""
    pipe = _Pipe()
    done = 0
    with zipfile.ZipFile(pipe, "w") as archive:
        for path in files:
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            is_dense = path.suffix.lower() in DENSE
            info.compress_type = zipfile.ZIP_STORED if is_dense else zipfile.ZIP_DEFLATED
            is_large = path.stat().st_size >= 2**31
            with archive.open(info, "w", force_zip64=is_large) as entry, path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    entry.write(block)
                    done += len(block)
                    if pipe.waiting:
                        yield pipe.take()
                    tell(done)
    yield pipe.take()
