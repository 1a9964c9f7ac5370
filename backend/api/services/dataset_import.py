"""Import of a data set: every row is taken or every row is refused, by file and row number."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from backend.api.services.atomic_folder import new_folder
from backend.api.services.dataset_parquet import read_parquet
from backend.api.services.dataset_pictures import PictureStore, RowError
from backend.api.services.dataset_rows import read_jsonl
from backend.contract.artifacts import Home
from backend.contract.datasets import DatasetManifest, Item, SplitName
from backend.contract.errors import DatasetInvalidError

MANIFEST_NAME = "dataset.yaml"
MAX_MANIFEST_BYTES = 64 * 1024
MAX_LISTED_ROWS = 200


@dataclass(frozen=True, slots=True)
class ImportedDataset:
    """A data set that now lies under `Home.dataset(slug)`."""

    manifest: DatasetManifest
    """What the data set says of itself."""
    items: dict[SplitName, list[Item]]
    """Split to its problems, in the order of the file."""
    num_images: int
    """Different pictures stored."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    file: str
    row: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} row {self.row}: {self.reason}"


def import_dataset(folder: Path, manifest: DatasetManifest | None, home: Home) -> ImportedDataset:
    """Check a folder's rows and pictures and store them under `home.dataset(slug)`.

    Args:
        folder: Holds the files that the manifest names; pictures lie below it, or in parquet rows.
        manifest: What the data set says of itself; None reads `dataset.yaml` in the folder.
        home: Where the data set is stored: completely, or not at all.

    Raises:
        DatasetInvalidError: The manifest or any row is refused; the message lists every bad row.
        ConflictError: A data set of that slug exists already.
    """
    if not folder.is_dir():
        raise DatasetInvalidError(f"no folder at {folder}")
    manifest = manifest or load_manifest(folder)
    with new_folder(home.dataset(manifest.slug)) as target:
        (target / "images").mkdir()
        pictures = PictureStore(folder, target / "images")
        items: dict[SplitName, list[Item]] = {}
        refusals: list[_Refusal] = []
        for split in manifest.splits:
            items[split] = _read_split(folder, manifest, split, pictures, refusals)
        if refusals:
            raise DatasetInvalidError(_describe(refusals))
        for split, split_items in items.items():
            lines = "".join(item.model_dump_json() + "\n" for item in split_items)
            (target / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return ImportedDataset(manifest, items, pictures.num_images)


def load_manifest(folder: Path) -> DatasetManifest:
    """Read `dataset.yaml` of a folder.

    Raises:
        DatasetInvalidError: The file is missing, no YAML, or does not describe a data set.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise DatasetInvalidError(f"{MANIFEST_NAME} is missing in {folder}, and none was given")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise DatasetInvalidError(f"{MANIFEST_NAME} has more than {MAX_MANIFEST_BYTES} bytes")
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise DatasetInvalidError(f"{MANIFEST_NAME} is no valid YAML: {e}") from e
    try:
        return DatasetManifest.model_validate(content)
    except ValidationError as e:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
            for problem in e.errors(include_url=False)
        )
        raise DatasetInvalidError(f"{MANIFEST_NAME}: {problems}") from e


def _read_split(
    folder: Path,
    manifest: DatasetManifest,
    split: SplitName,
    pictures: PictureStore,
    refusals: list[_Refusal],
) -> list[Item]:
    items: list[Item] = []
    place_of_id: dict[str, tuple[str, int]] = {}
    num_rows = 0
    for name in manifest.files(split):
        path = folder / name
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            raise DatasetInvalidError(f"{name} is missing in {folder}")
        if manifest.format == "parquet":
            rows = read_parquet(path, manifest.columns, num_rows, pictures)
        else:
            rows = read_jsonl(path, num_rows, pictures)
        number = 0
        for number, row in enumerate(rows, start=1):
            if isinstance(row, RowError):
                refusals.append(_Refusal(name, number, str(row)))
                continue
            first = place_of_id.setdefault(row.id, (name, number))
            if first == (name, number):
                items.append(row)
            else:
                where = f"row {first[1]}" + ("" if first[0] == name else f" of {first[0]}")
                reason = f"id {row.id!r} stands already in {where}"
                refusals.append(_Refusal(name, number, reason))
        if number == 0:
            raise DatasetInvalidError(f"{name} holds no rows")
        num_rows += number
    return items


def _describe(refusals: list[_Refusal]) -> str:
    listed = [str(refusal) for refusal in refusals[:MAX_LISTED_ROWS]]
    if len(refusals) > MAX_LISTED_ROWS:
        listed.append(f"and {len(refusals) - MAX_LISTED_ROWS} more rows")
    noun = "row is" if len(refusals) == 1 else "rows are"
    return f"{len(refusals)} {noun} refused, nothing was imported:\n" + "\n".join(listed)
