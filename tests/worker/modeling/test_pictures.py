"""What is kept of pictures: up to a bound of memory, the first that came, each once."""

from dataclasses import replace

import torch

from worker.modeling.pictures import PictureCache
from worker.tensors.batches import Picture

PATCHES = Picture(
    text="", num_tokens=1, grid=None, patches={"pixel_values": torch.zeros(25)}, features=None
)
"""100 bytes."""


def test_the_bound_holds_and_what_is_kept_stays():
    cache = PictureCache(250)
    for key in ("a", "b", "c", "a"):
        cache.keep(key, PATCHES)
    assert [cache.find(key) is not None for key in "abc"] == [True, True, False]
    metrics = cache.metrics()
    assert metrics["health/picture_cache_bytes"] == 200.0
    assert metrics["health/picture_cache_hits"] == 2.0


def test_features_take_the_place_of_patches_if_there_is_room():
    cache = PictureCache(250)
    cache.keep("a", PATCHES)
    cache.keep("b", PATCHES)
    small, large = torch.zeros(1, 1, 5), torch.zeros(1, 1, 60)
    cache.keep("a", replace(PATCHES, patches=None, features=small))
    cache.keep("b", replace(PATCHES, patches=None, features=large))
    assert cache.features_of("a") is not None
    assert cache.features_of("b") is None
    assert cache.find("b") is PATCHES
    assert cache.size_bytes == 120
