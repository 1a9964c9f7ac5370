"""Pictures of an import: checked before they are decoded, stored once by their hash.

Limits against decompression bombs apply to the header, before a pixel is decoded.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath

from PIL import Image

from backend.contract.datasets import MAX_PICTURE_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PICTURE_BYTES = 64 * 2**20
MAX_SIDE = 8192
MIN_SIDE = 8
MAX_ASPECT_RATIO = 200
"""Longest to shortest side, exclusive: the limit of Qwen2.5-VL's image processor."""

# What Pillow's decoders of these formats raise on broken files.
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


class RowError(Exception):
    """Why a row is refused; the message is shown to the user behind file and row number."""


@dataclass(slots=True)
class PictureStore:
    """The pictures of one import; each file is read and checked once."""

    source: Path
    """Folder that every picture must lie in."""
    target: Path
    """Folder that receives `{sha256}`; exists."""
    _results: dict[Path | str, str | RowError] = field(
        default_factory=dict[Path | str, str | RowError]
    )
    """Resolved path, or hash of a picture in a row, to hash, or to why the picture is refused."""

    @property
    def num_images(self) -> int:
        """Different pictures stored so far."""
        return len({result for result in self._results.values() if isinstance(result, str)})

    def store(self, name: str) -> str:
        """SHA-256 of the picture that a row calls `name`, stored under it.

        Raises:
            RowError: The picture is missing, outside the folder, too large or broken.
        """
        path = _resolve(self.source, name)
        if path not in self._results:
            self._results[path] = self._check_and_copy(path, name)
        result = self._results[path]
        if isinstance(result, RowError):
            raise RowError(*result.args)
        return result

    def store_bytes(self, content: bytes, name: str) -> str:
        """SHA-256 of a picture that stands in a row, stored under it.

        Args:
            content: The bytes of a picture's file.
            name: What to call the picture in the message.

        Raises:
            RowError: The picture is too large or broken.
        """
        key = hashlib.sha256(content).hexdigest()
        if key not in self._results:
            try:
                self._results[key] = self._check_and_write(content, name)
            except RowError as e:
                self._results[key] = e
        result = self._results[key]
        if isinstance(result, RowError):
            raise RowError(*result.args)
        return result

    def _check_and_copy(self, path: Path, name: str) -> str | RowError:
        try:
            return self._check_and_write(_read(path, name), name)
        except RowError as e:
            return e

    def _check_and_write(self, content: bytes, name: str) -> str:
        if len(content) > MAX_PICTURE_BYTES:
            raise RowError(
                f"picture {name!r} has {len(content)} bytes, allowed {MAX_PICTURE_BYTES}"
            )
        check_picture(content, name)
        sha256 = hashlib.sha256(content).hexdigest()
        (self.target / sha256).write_bytes(content)
        return sha256


def _resolve(source: Path, name: str) -> Path:
    relative = PurePosixPath(name)
    if "\\" in name or relative.is_absolute() or ".." in relative.parts:
        raise RowError(f"picture {name!r} leaves the folder: only paths below the folder are read")
    try:
        path = (source / relative).resolve()
    except (OSError, RuntimeError) as e:
        raise RowError(f"picture {name!r} is no usable path") from e
    if not path.is_relative_to(source.resolve()):
        raise RowError(f"picture {name!r} is a link that leaves the folder")
    return path


def _read(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            raise RowError(f"picture {name!r} is missing")
        num_bytes = path.stat().st_size
        if num_bytes > MAX_PICTURE_BYTES:
            raise RowError(f"picture {name!r} has {num_bytes} bytes, allowed {MAX_PICTURE_BYTES}")
        return path.read_bytes()
    except OSError as e:
        raise RowError(f"picture {name!r} cannot be read: {e.strerror}") from e


def check_picture(content: bytes, name: str) -> None:
    """Check the header, then decode every pixel.

    Args:
        content: The file's bytes.
        name: What to call the picture in the message.

    Raises:
        RowError: No PNG, JPEG or WEBP, of a size outside the limits, animated, cut off or broken.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(image.width, image.height, name)
            if getattr(image, "is_animated", False):
                raise RowError(f"picture {name!r} is animated: one frame is allowed")
            image.load()
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            # A PNG may decode although its last bytes are gone: this checks all checksums.
            image.verify()
    except Image.UnidentifiedImageError as e:
        raise RowError(f"picture {name!r} is no valid PNG, JPEG or WEBP file") from e
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise RowError(f"picture {name!r} has more than {MAX_PICTURE_PIXELS} pixels") from e
    except _DECODE_ERRORS as e:
        raise RowError(f"picture {name!r} is broken or cut off") from e


def _check_size(width: int, height: int, name: str) -> None:
    size = f"picture {name!r} is {width} x {height}"
    if width * height > MAX_PICTURE_PIXELS:
        raise RowError(f"{size}: more than {MAX_PICTURE_PIXELS} pixels")
    if max(width, height) > MAX_SIDE or min(width, height) < MIN_SIDE:
        raise RowError(f"{size}: sides from {MIN_SIDE} to {MAX_SIDE} pixels are allowed")
    if max(width, height) >= MAX_ASPECT_RATIO * min(width, height):
        raise RowError(f"{size}: one side must be less than {MAX_ASPECT_RATIO} times the other")
