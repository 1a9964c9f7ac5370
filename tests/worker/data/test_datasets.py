import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backend.contract.datasets import Item
from backend.contract.errors import DatasetInvalidError, NotFoundError
from worker.data.datasets import load_split, open_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    return tmp_path


def stored(folder: Path, image: Image.Image, kind: str = "PNG", **options: Any) -> Item:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "images" / sha256).write_bytes(buffer.getvalue())
    return Item(id="a", row=1, question="q", answer="1", image=sha256)


def test_a_split_is_loaded_in_the_order_of_its_file(folder: Path):
    items = [Item(id=str(n), row=n, question="q", answer="1") for n in (2, 1, 3)]
    lines = "".join(item.model_dump_json() + "\n" for item in items)
    (folder / "train.jsonl").write_text(lines)
    assert load_split(folder, "train") == items


def test_a_split_that_does_not_exist_is_named(folder: Path):
    with pytest.raises(NotFoundError, match="no split 'test'"):
        load_split(folder, "test")


def test_a_damaged_line_is_named(folder: Path):
    (folder / "train.jsonl").write_text('{"id": "a", "row": 1, "question": "q", "answer": "1"}\n{')
    with pytest.raises(DatasetInvalidError, match=r"train\.jsonl row 2"):
        load_split(folder, "train")


def test_a_text_only_problem_has_no_picture(folder: Path):
    assert open_image(folder, Item(id="a", row=1, question="q", answer="1")) is None


@pytest.mark.parametrize(
    ("image", "pixel"),
    [
        (Image.new("RGB", (8, 8), (1, 2, 3)), (1, 2, 3)),
        (Image.new("L", (8, 8), 7), (7, 7, 7)),
        (Image.new("1", (8, 8), 1), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (0, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("LA", (8, 8), (0, 0)), (255, 255, 255)),
        (Image.new("RGB", (8, 8), (9, 9, 9)).quantize(4), (9, 9, 9)),
        (Image.new("I;16", (8, 8), 32768), (128, 128, 128)),
        (Image.new("I;16", (8, 8), 65535), (255, 255, 255)),
    ],
)
def test_every_kind_of_picture_becomes_rgb_on_white(
    folder: Path, image: Image.Image, pixel: tuple[int, int, int]
):
    opened = open_image(folder, stored(folder, image))
    assert opened is not None
    assert opened.mode == "RGB"
    assert max(abs(a - b) for a, b in zip(opened.getpixel((4, 4)), pixel, strict=True)) <= 2


def test_a_palette_with_transparency_is_laid_on_white(folder: Path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30] * 256)
    opened = open_image(folder, stored(folder, image, transparency=0))
    assert opened is not None
    assert opened.getpixel((0, 0)) == (255, 255, 255)


def test_a_jpeg_in_cmyk_becomes_rgb(folder: Path):
    opened = open_image(folder, stored(folder, Image.new("CMYK", (8, 8)), "JPEG"))
    assert opened is not None
    assert opened.mode == "RGB"


def test_a_photograph_is_turned_as_its_camera_was(folder: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_image(folder, stored(folder, Image.new("RGB", (16, 8)), "JPEG", exif=exif))
    assert opened is not None
    assert opened.size == (8, 16)


def test_a_picture_that_changed_on_disk_is_found_when_asked_for(folder: Path):
    item = stored(folder, Image.new("RGB", (8, 8)))
    other = stored(folder, Image.new("RGB", (8, 8), "red"))
    images = folder / "images"
    (images / str(item.image)).write_bytes((images / str(other.image)).read_bytes())
    assert open_image(folder, item) is not None
    with pytest.raises(DatasetInvalidError, match="changed on disk"):
        open_image(folder, item, should_verify=True)


def test_a_missing_or_broken_picture_is_named(folder: Path):
    item = stored(folder, Image.new("RGB", (64, 64)))
    path = folder / "images" / str(item.image)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DatasetInvalidError, match="broken"):
        open_image(folder, item)
    path.unlink()
    with pytest.raises(NotFoundError, match="no picture"):
        open_image(folder, item)
