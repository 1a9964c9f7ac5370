"""Data sets and models."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maye import api_types as api
from maye.client.connected import Connected
from maye.client.connection import OnProgress
from maye.client.uploads import find_place, prepare


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

    def upload_dataset(
        self,
        path: str | Path,
        *,
        manifest: Mapping[str, Any] | None = None,
        on_progress: OnProgress | None = None,
    ) -> api.DatasetInfo:
        """Send a data set that lies on this machine.

        Args:
            path: a folder with a dataset.yaml (zipped on the way), a zip of one, or a parquet file.
            manifest: in place of dataset.yaml; needed with a parquet file.
            on_progress: told the bytes read so far, and of all.

        Raises:
            CommandError: there is no such file, or the folder holds links.
            ServerError: the platform refused; the message lists every bad row.
        """
        upload = prepare(Path(path), on_progress)
        query = {"manifest": None if manifest is None else json.dumps(manifest)}
        return self.connection.upload("datasets/upload", upload.blocks, upload.media_type, query)

    def import_hub_dataset(
        self,
        repo_id: str,
        *,
        revision: str = "main",
        manifest: Mapping[str, Any] | None = None,
    ) -> api.DatasetInfo:
        """Import a data set from the hub; the platform fetches it.

        Args:
            repo_id: owner and name, for example hiyouga/geometry3k.
            revision: branch, tag or commit; the commit that it stands for is kept.
            manifest: what it is, its files named by patterns (`maye.api_types.HubManifest`); None
                reads dataset.yaml in the repository.

        Raises:
            ServerError: the platform refused, or cannot reach the hub.
        """
        body = {"repo_id": repo_id, "revision": revision, "manifest": manifest}
        return self.connection.post("datasets/hub", body, is_slow=True)

    def dataset_add(
        self,
        source: str | Path,
        *,
        manifest: Mapping[str, Any] | None = None,
        on_progress: OnProgress | None = None,
    ) -> api.DatasetInfo:
        """Add a data set, wherever it is.

        Args:
            source: a folder, zip or parquet file on this machine; `hub:owner/name@revision`; or
                `import:name` for a folder of the platform's import folder. A name that is no path
                here is one of the import folder, too.
            manifest: in place of dataset.yaml.
            on_progress: told the bytes read so far, and of all, of what is sent from here.

        Raises:
            CommandError: there is no such file, or the folder holds links.
            ServerError: the platform refused; the message lists every bad row.
        """
        place = find_place(source)
        if place.kind == "hub":
            return self.import_hub_dataset(place.name, revision=place.revision, manifest=manifest)
        if place.kind == "import":
            return self.import_dataset(place.name, manifest=manifest)
        return self.upload_dataset(place.name, manifest=manifest, on_progress=on_progress)

    def import_hub_model(
        self, repo_id: str, slug: str, *, revision: str = "main", title: str | None = None
    ) -> api.ModelInfo:
        """Register a model from the hub; the platform fetches its data and none of its code.

        Raises:
            ServerError: the platform refused, or cannot reach the hub.
        """
        body = {"repo_id": repo_id, "revision": revision, "slug": slug, "title": title or slug}
        return self.connection.post("models/hub", body, is_slow=True)

    def model_add(
        self, source: str, *, slug: str | None = None, title: str | None = None
    ) -> api.ModelInfo:
        """Add a model.

        Args:
            source: `hub:owner/name@revision`, or the name of a folder of the platform's import
                folder, with `import:` in front or without.
            slug: unique name; by default the last part of the source's name.
            title: name for people; by default the slug.

        Raises:
            CommandError: the source is a path.
            ServerError: the platform refused.
        """
        place = find_place(source, has_files=False)
        slug = slug or place.name.rpartition("/")[2].lower()
        if place.kind == "hub":
            return self.import_hub_model(place.name, slug, revision=place.revision, title=title)
        return self.import_model(place.name, slug, title=title)
