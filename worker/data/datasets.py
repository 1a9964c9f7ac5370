"""An imported data set: the problems of a split, and their pictures."""

import hashlib
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps
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
            # The header's size: nothing is decoded yet, so a decompression bomb does no harm.
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise _too_large(folder, item, f"{image.width} x {image.height} pixels")
            return _to_rgb(ImageOps.exif_transpose(image))
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
