"""An imported data set: the problems of a split, and their pictures."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image, ImageOps
from pydantic import ValidationError

from backend.contract.datasets import MAX_PICTURE_PIXELS, Item
from backend.contract.errors import DatasetInvalidError, NotFoundError

FORMATS = ("PNG", "JPEG", "WEBP")


def load_split(folder: Path, split: str) -> list[Item]:
    """Problems of a split, in the order of the imported file.

    Args:
        folder: `Home.dataset(slug)`.
        split: "train", "validation" or "test".

    Raises:
        NotFoundError: The data set or its split does not exist.
        DatasetInvalidError: A line is damaged.
    """
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        raise NotFoundError(f"data set {folder.name!r} has no split {split!r}")
    items: list[Item] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                items.append(Item.model_validate_json(line))
            except ValidationError as e:
                message = e.errors(include_url=False)[0]["msg"]
                raise DatasetInvalidError(
                    f"data set {folder.name!r}, {path.name} row {number}: {message}"
                ) from e
    return items


def open_image(folder: Path, item: Item, *, should_verify: bool = False) -> Image.Image | None:
    """Picture of a problem in RGB, transparent parts on white, turned as its EXIF data asks.

    Args:
        folder: `Home.dataset(slug)`.
        item: The problem.
        should_verify: Compare the file with its hash before it is decoded.

    Returns:
        The decoded picture; None for a text-only problem.

    Raises:
        NotFoundError: The picture is not stored.
        DatasetInvalidError: The file does not match its hash, cannot be decoded, or has more
            pixels than any picture of a data set may have.
    """
    if item.image is None:
        return None
    with _opened(folder, item, should_verify=should_verify) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def picture_opener(folder: Path, item: Item) -> Callable[[], Image.Image] | None:
    """What opens a problem's picture when it is needed; None for a text-only problem.

    Args: those of `open_image`.
    """

    def open_it() -> Image.Image:
        image = open_image(folder, item)
        assert image is not None
        return image

    return None if item.image is None else open_it


def read_size(folder: Path, item: Item) -> tuple[int, int] | None:
    """Width and height that `open_image` would give, from the file's header alone.

    Args and Raises: those of `open_image`.
    """
    if item.image is None:
        return None
    with _opened(folder, item, should_verify=False) as image:
        width, height = image.size
        is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
        return (height, width) if is_on_its_side else (width, height)


@contextmanager
def _opened(folder: Path, item: Item, *, should_verify: bool) -> Iterator[Image.Image]:
    """The picture's file, its header read and checked, its pixels not yet decoded."""
    assert item.image is not None
    try:
        content = (folder / "images" / item.image).read_bytes()
    except FileNotFoundError as e:
        raise NotFoundError(f"data set {folder.name!r} has no picture {item.image}") from e
    if should_verify and hashlib.sha256(content).hexdigest() != item.image:
        raise DatasetInvalidError(
            f"data set {folder.name!r}: picture {item.image} of {item.id!r} has changed on disk"
        )
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            # A decompression bomb does no harm: nothing is decoded yet.
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise _too_large(folder, item, f"{image.width} x {image.height} pixels")
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise _too_large(folder, item, "so many pixels that Pillow refuses it") from e
    except (OSError, SyntaxError) as e:
        raise DatasetInvalidError(
            f"data set {folder.name!r}: picture {item.image} of {item.id!r} is broken"
        ) from e


def _too_large(folder: Path, item: Item, size: str) -> DatasetInvalidError:
    return DatasetInvalidError(
        f"data set {folder.name!r}, row {item.row} ({item.id}): the picture has {size}, "
        f"{MAX_PICTURE_PIXELS} are allowed"
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        # Pillow clips 16-bit grey at 255 instead of scaling it.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
