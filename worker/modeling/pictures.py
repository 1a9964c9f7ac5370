"""What is known of a run's pictures: each is preprocessed once, and encoded once while frozen."""

from worker.tensors.batches import Picture


class PictureCache:
    """Pictures by the hash of their file, up to a bound of memory.

    What does not fit any more is not kept, and nothing that is kept leaves: training passes over
    the whole data set again and again, and throwing out the oldest would then throw out what is
    needed next.
    """

    def __init__(self, max_bytes: int) -> None:
        """Begin empty.

        Args:
            max_bytes: Bound on the memory of all pictures' tensors.
        """
        self._pictures: dict[str, Picture] = {}
        self._max_bytes = max_bytes
        self.size_bytes = 0
        """Memory in use."""
        self.num_preprocessed = 0
        """Pictures that went through the image processor."""
        self.num_encoded = 0
        """Pictures that went through the frozen vision tower."""
        self.num_hits = 0
        """Pictures that were found here."""

    def find(self, key: str | None) -> Picture | None:
        """The picture of a file, if it is kept."""
        picture = None if key is None else self._pictures.get(key)
        self.num_hits += picture is not None
        return picture

    def features_of(self, key: str | None) -> Picture | None:
        """The picture if it is kept with its features; no hit is counted."""
        picture = None if key is None else self._pictures.get(key)
        return None if picture is None or picture.features is None else picture

    def keep(self, key: str | None, picture: Picture) -> None:
        """Keep a picture in the place of what was known of it, if there is room."""
        if key is None:
            return
        before = self._pictures.get(key)
        size = self.size_bytes + picture.size_bytes - (before.size_bytes if before else 0)
        if size <= self._max_bytes:
            self._pictures[key] = picture
            self.size_bytes = size

    def metrics(self) -> dict[str, float]:
        """How often pictures were read in this attempt (`backend/contract/metrics/health.py`)."""
        return {
            "health/pictures_preprocessed": float(self.num_preprocessed),
            "health/pictures_encoded": float(self.num_encoded),
            "health/picture_cache_hits": float(self.num_hits),
            "health/picture_cache_bytes": float(self.size_bytes),
        }
