"""Rows of parquet files, with pictures as bytes in the rows as Hugging Face data sets have them.

A file is read group of rows by group of rows, never whole. Arrow's C++ parses it; what that may
allocate is bounded by the sizes that the file declares for its groups, which are checked before.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from backend.api.services.dataset_pictures import PictureStore, RowError
from backend.api.services.dataset_rows import MAX_ROW_BYTES, build_item, check_row
from backend.contract.datasets import ColumnName, Item
from backend.contract.errors import DatasetInvalidError

SYNONYMS: Mapping[ColumnName, tuple[str, ...]] = {
    "id": ("id",),
    "question": ("question", "problem"),
    "answer": ("answer",),
    "solution": ("solution",),
    "image": ("image", "images"),
    "category": ("category",),
    "difficulty": ("difficulty", "difficult"),
}
"""What a column may be called where the manifest does not say it."""
BATCH_ROWS = 16
BUFFER_BYTES = 2**20
"""Without a buffer Arrow loads all of a row group, however small the batches are."""
MAX_ROW_GROUP_BYTES = 2**30
"""Uncompressed, as the file declares it. Writers put a group of pictures into one page: reading it
takes two to three times its size."""
MAX_METADATA_BYTES = 2**27


def read_parquet(
    path: Path, columns: Mapping[ColumnName, str], num_before: int, pictures: PictureStore
) -> Iterator[Item | RowError]:
    """Every row of a parquet file, as an item or as why it is refused.

    Rows without an id column are known by their number in the split.

    Args:
        path: The file.
        columns: Field to column where the names differ.
        num_before: Rows of the split that stand in earlier files.
        pictures: Where pictures are stored, and looked for where a row only names them.

    Raises:
        DatasetInvalidError: The file is no readable parquet, or lacks a column.
    """
    # Loaded at the first use: most platforms never import parquet, and it is large.
    pyarrow, parquet = cast(Any, import_module("pyarrow")), import_module("pyarrow.parquet")
    number = num_before
    try:
        with parquet.ParquetFile(
            path,
            pre_buffer=False,
            buffer_size=BUFFER_BYTES,
            thrift_string_size_limit=MAX_METADATA_BYTES,
            thrift_container_size_limit=MAX_METADATA_BYTES,
        ) as file:
            _check_sizes(path.name, file.metadata)
            column_of = _find_columns(path.name, file.schema_arrow.names, columns)
            batches = file.iter_batches(
                BATCH_ROWS, columns=[*column_of.values()], use_threads=False
            )
            for batch in batches:
                for row in batch.to_pylist():
                    number += 1
                    try:
                        fields: dict[ColumnName, Any] = {
                            field: row[column] for field, column in column_of.items()
                        }
                        yield _read_row(fields, number, pictures)
                    except RowError as e:
                        yield e
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as e:
        where = f" behind row {number - num_before}" if number > num_before else ""
        raise DatasetInvalidError(f"{path.name} is no readable parquet file{where}: {e}") from e


def _check_sizes(name: str, metadata: Any) -> None:
    for index in range(metadata.num_row_groups):
        num_bytes = metadata.row_group(index).total_byte_size
        if num_bytes > MAX_ROW_GROUP_BYTES:
            raise DatasetInvalidError(
                f"{name}: row group {index} has {num_bytes} bytes, allowed {MAX_ROW_GROUP_BYTES}: "
                "write it with fewer rows in a group"
            )


def _find_columns(
    name: str, present: list[str], wanted: Mapping[ColumnName, str]
) -> dict[ColumnName, str]:
    found: dict[ColumnName, str] = {}
    for field, synonyms in SYNONYMS.items():
        names = (wanted[field],) if field in wanted else synonyms
        column = next((column for column in names if column in present), None)
        if column is not None:
            found[field] = column
        elif field in wanted or field == "question":
            raise DatasetInvalidError(
                f"{name}: no column {' or '.join(map(repr, names))} for {field} (there are: "
                f"{', '.join(present)[:500]}); `columns` in the manifest may name it"
            )
    if "answer" not in found and "solution" not in found:
        raise DatasetInvalidError(
            f"{name}: neither a column 'answer' nor 'solution' (there are: "
            f"{', '.join(present)[:500]}); `columns` in the manifest may name one"
        )
    return found


def _read_row(fields: dict[ColumnName, Any], number: int, pictures: PictureStore) -> Item:
    picture = _find_picture(fields.pop("image", None))
    texts = {field: _to_text(field, value) for field, value in fields.items()}
    num_bytes = sum(len(text) for text in texts.values() if text is not None)
    if num_bytes > MAX_ROW_BYTES:
        raise RowError(f"the row's texts have {num_bytes} characters, allowed {MAX_ROW_BYTES}")
    content: dict[str, Any] = {"id": str(number), **texts}
    row = check_row(content, None if picture is None else "in the row")
    if picture is None:
        return build_item(row, number, None)
    image = (
        pictures.store(picture)
        if isinstance(picture, str)
        else pictures.store_bytes(picture, f"of {row.id}")
    )
    return build_item(row, number, image)


def _to_text(field: ColumnName, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise RowError(f"column of {field} must be text, got {type(value).__name__}")


def _find_picture(value: Any) -> bytes | str | None:
    """The picture of a row: its bytes, or the path of its file; None for text only."""
    if isinstance(value, list):
        several = cast(list[Any], value)
        if len(several) > 1:
            raise RowError(f"{len(several)} pictures: one is allowed")
        value = several[0] if several else None
    if isinstance(value, dict):
        about = cast(dict[str, Any], value)
        if not {"bytes", "path"} & about.keys():
            raise RowError(f"picture must have bytes or path, got {', '.join(about)[:100]}")
        content = about.get("bytes")
        value = content if content is not None else about.get("path")
    if value is None:
        return None
    if not isinstance(value, bytes | str):
        raise RowError(f"picture must be bytes or a path, got {type(value).__name__}")
    if not value:
        raise RowError("picture is empty: write null for a text-only problem")
    return value
