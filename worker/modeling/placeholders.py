"""How many visual tokens a picture becomes, written as the text that each family reads.

Each function says anew what the family's processor in transformers does; the tests hold the two
against each other where that processor can be built without torchvision.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch

from backend.contract.errors import InvalidInputError


def qwen_expansion(read: Mapping[str, Any], config: Any) -> str:
    """One token for each square of merged patches."""
    merged = config.vision_config.spatial_merge_size**2
    return "<|image_pad|>" * (int(read["image_grid_thw"].prod()) // merged)


def qwen_foretell(image_processor: Any, height: int, width: int) -> dict[str, Any]:
    """The patches, as a grid of one row."""
    patches = image_processor.get_number_of_image_patches(height, width)
    return {"image_grid_thw": torch.tensor([[1, 1, patches]])}


def qwen_limits(image_processor: Any, max_pixels: int) -> dict[str, Any]:
    """The processor's own limit, lowered; its shape is kept, rounded to whole visual tokens."""
    size = image_processor.size
    longest = min(size["longest_edge"], max_pixels)
    return {"size": {"shortest_edge": size["shortest_edge"], "longest_edge": longest}}


def qwen_geometry(image_processor: Any, config: Any) -> tuple[tuple[str, Any, Any], ...]:
    """Patches and merging."""
    vision = config.vision_config
    return (
        ("patch_size", image_processor.patch_size, vision.patch_size),
        ("merge_size", image_processor.merge_size, vision.spatial_merge_size),
        ("temporal_patch_size", image_processor.temporal_patch_size, vision.temporal_patch_size),
    )


def idefics_expansion(read: Mapping[str, Any], config: Any) -> str:
    """Tiles row by row, then the whole picture small; a picture of one tile is only the latter."""
    side = config.vision_config.image_size // config.vision_config.patch_size
    visual = "<image>" * (side**2 // config.scale_factor**2)
    [[rows]], [[columns]] = read["rows"], read["cols"]
    text = "".join(
        "".join(
            f"<fake_token_around_image><row_{row + 1}_col_{column + 1}>{visual}"
            for column in range(columns)
        )
        + "\n"
        for row in range(rows)
    )
    whole = f"<fake_token_around_image><global-img>{visual}<fake_token_around_image>"
    return f"{text}\n{whole}" if rows else whole


def idefics_foretell(image_processor: Any, height: int, width: int) -> dict[str, Any]:
    """Rows and columns of tiles."""
    _, rows, columns = image_processor.get_number_of_image_patches(height, width)
    return {"rows": [[rows]], "cols": [[columns]]}


def idefics_limits(image_processor: Any, max_pixels: int) -> dict[str, Any]:
    """Pictures are scaled to tiles along the longer edge: as many as the pixels allow."""
    tile = image_processor.max_image_size["longest_edge"]
    tiles = _tiles_along_an_edge(tile, max_pixels)
    return {"size": {"longest_edge": min(image_processor.size["longest_edge"], tiles * tile)}}


def idefics_geometry(image_processor: Any, config: Any) -> tuple[tuple[str, Any, Any], ...]:
    """The tile."""
    tile = image_processor.max_image_size["longest_edge"]
    return (("size of a tile", tile, config.vision_config.image_size),)


def internvl_expansion(read: Mapping[str, Any], config: Any) -> str:
    """Tiles one after the other, between a start and an end."""
    side = config.vision_config.image_size[0] // config.vision_config.patch_size[0]
    num_tokens = int(side**2 * config.downsample_ratio**2) * int(read["num_patches"][0])
    return f"<img>{'<IMG_CONTEXT>' * num_tokens}</img>"


def internvl_foretell(image_processor: Any, height: int, width: int) -> dict[str, Any]:
    """Tiles, the thumbnail included."""
    options = {"crop_to_patches": True}
    return {"num_patches": [image_processor.get_number_of_image_patches(height, width, options)]}


def internvl_limits(image_processor: Any, max_pixels: int) -> dict[str, Any]:
    """At most as many tiles as the pixels allow (the thumbnail comes on top)."""
    tile = image_processor.size["height"]
    tiles = max_pixels // tile**2
    if tiles < 1:
        _tiles_along_an_edge(tile, max_pixels)
    return {"max_patches": min(image_processor.max_patches, tiles)}


def gemma_expansion(read: Mapping[str, Any], config: Any) -> str:
    """A fixed number of tokens for every picture."""
    visual = "<image_soft_token>" * config.mm_tokens_per_image
    return f"\n\n<start_of_image>{visual}<end_of_image>\n\n"


def gemma_limits(image_processor: Any, max_pixels: int) -> dict[str, Any]:
    """Nothing to set: every picture is scaled to one size, which must be within the limit."""
    _tiles_along_an_edge(image_processor.size["height"], max_pixels)
    return {}


def tile_geometry(image_processor: Any, config: Any) -> tuple[tuple[str, Any, Any], ...]:
    """The tile."""
    size = config.vision_config.image_size
    side = size if isinstance(size, int) else size[0]
    return (("size of a tile", image_processor.size["height"], side),)


def _tiles_along_an_edge(tile: int, max_pixels: int) -> int:
    """Whole tiles along the edge of a square of so many pixels.

    Raises:
        InvalidInputError: not even one.
    """
    tiles = math.isqrt(max_pixels) // tile
    if tiles < 1:
        raise InvalidInputError(
            f"data.max_image_pixels is {max_pixels}, but this model reads pictures in squares of "
            f"{tile} x {tile} = {tile * tile} pixels: allow at least that"
        )
    return tiles
