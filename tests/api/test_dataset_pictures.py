import struct
import zlib
from io import BytesIO
from random import Random
from typing import Any

import pytest
from PIL import Image

from backend.api.services.dataset_pictures import RowError, check_picture


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


NOISE = Image.frombytes("RGB", (64, 64), Random(0).randbytes(3 * 64 * 64))
ANIMATION = {"save_all": True, "append_images": [Image.new("RGB", (64, 64))]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png_header(13_000, 13_000), "pixels"),
        (png_header(100_000, 100_000), "pixels"),
        (png_header(5000, 5000), "more than 16000000 pixels"),
        (png_header(8193, 100), "from 8 to 8192"),
        (png_header(1, 1), "from 8 to 8192"),
        (png_header(8000, 8), "less than 200 times"),
        (png_header(100, 100), "broken or cut off"),
        (encoded(NOISE, "PNG")[:-200], "broken or cut off"),
        (encoded(NOISE, "JPEG")[:-200], "broken or cut off"),
        (encoded(NOISE, "WEBP", lossless=True)[:-200], "broken or cut off"),
        (encoded(NOISE, "PNG").replace(b"IDAT", b"IDAX"), "no valid PNG"),
        (encoded(NOISE, "PNG", **ANIMATION), "animated"),
        (encoded(NOISE, "WEBP", **ANIMATION), "animated"),
        (encoded(NOISE, "GIF"), "no valid PNG, JPEG or WEBP file"),
        (encoded(NOISE, "BMP"), "no valid PNG, JPEG or WEBP file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no valid PNG, JPEG or WEBP file"),
        (b"", "no valid PNG, JPEG or WEBP file"),
    ],
)
def test_a_picture_that_is_too_large_or_broken_is_refused(content: bytes, reason: str):
    with pytest.raises(RowError, match=reason) as error:
        check_picture(content, "bad.png")
    assert "object at 0x" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        encoded(NOISE, "PNG"),
        encoded(NOISE, "JPEG"),
        encoded(NOISE.convert("CMYK"), "JPEG"),
        encoded(NOISE, "WEBP"),
        encoded(NOISE.resize((8, 8)), "PNG"),
        encoded(Image.new("1", (8192, 100)), "PNG"),
    ],
)
def test_a_picture_within_the_limits_is_taken(content: bytes):
    check_picture(content, "good.png")
