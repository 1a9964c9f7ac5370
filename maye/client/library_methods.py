"""Data sets and models."""

from collections.abc import Iterator, Mapping
from typing import Any

from maye import api_types as api
from maye.client.connected import Connected


class LibraryMethods(Connected):
    """Data sets and models."""

    def datasets(self) -> list[api.DatasetInfo]:
        """All data sets."""
        return self.connection.get("datasets")

    def dataset(self, slug: str) -> api.DatasetInfo:
        """One data set."""
        return self.connection.get(f"datasets/{slug}")

    def dataset_items(self, slug: str, *, split: str | None = None) -> Iterator[api.DatasetItem]:
        """Problems of a data set in file order."""
        return self._pages(f"datasets/{slug}/items", "items", {"split": split, "limit": 500})

    def dataset_image(self, slug: str, sha256: str) -> bytes:
        """A picture of a data set: the bytes of its PNG, JPEG or WEBP file."""
        return self.connection.read(f"datasets/{slug}/images/{sha256}")

    def models(self) -> list[api.ModelInfo]:
        """All models."""
        return self.connection.get("models")

    def model(self, slug: str) -> api.ModelInfo:
        """One model."""
        return self.connection.get(f"models/{slug}")

    def import_dataset(
        self, folder: str, *, manifest: Mapping[str, Any] | None = None
    ) -> api.DatasetInfo:
        """Import a folder of the platform's import folder (MAYE_IMPORT_DIR), by its name.

        Raises:
            ServerError: the platform refused; the message lists every bad row.
        """
        body = {"folder": folder, "manifest": manifest}
        return self.connection.post("datasets", body, is_slow=True)

    def import_model(self, folder: str, slug: str, *, title: str | None = None) -> api.ModelInfo:
        """Register a model from a folder of the platform's import folder, by its name.

        Raises:
            ServerError: the platform refused the folder.
        """
        body = {"folder": folder, "slug": slug, "title": title or slug}
        return self.connection.post("models", body, is_slow=True)
