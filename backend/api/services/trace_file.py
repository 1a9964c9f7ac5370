"""Reading the trace of a step without torch: the header, and of a tensor only what is asked for."""

import json
import sys
from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from backend.contract.errors import TraceCorruptError
from backend.contract.traces import METADATA_KEY, OFFSETS, PIECES, TENSORS, StepTrace

MAX_HEADER_BYTES = 100_000_000
_TYPE_CODES = MappingProxyType({"I32": "i", "F32": "f", "U8": "B"})
_NotNegative = Annotated[int, Field(ge=0)]


class _Tensor(BaseModel):
    dtype: Literal["I32", "F32", "U8"]
    shape: list[_NotNegative] = Field(min_length=1, max_length=2)
    data_offsets: tuple[_NotNegative, _NotNegative]


_TENSORS = TypeAdapter(dict[str, _Tensor])


@dataclass(frozen=True, slots=True)
class TraceFile:
    """An opened trace: its JSON, and where its tensors lie."""

    path: Path
    trace: StepTrace
    _tensors: dict[str, _Tensor]
    _data_start: int

    @property
    def names(self) -> list[str]:
        """The catalogued tensors that it holds, in the order of the steps."""
        return [name for name in TENSORS if name in self._tensors]

    def rows(self, name: str, row: int) -> list[list[float]]:
        """One row of a tensor: a list for each axis of positions, a single one elsewhere.

        Raises:
            TraceCorruptError: the file does not hold what its header says.
        """
        begin, end = self._bounds(OFFSETS[TENSORS[name].rows], row)
        shape = self._tensor(name).shape
        width = shape[-1]
        num_axes = shape[0] if len(shape) == 2 else 1
        return [
            self._read(name, axis * width + begin, axis * width + end).tolist()
            for axis in range(num_axes)
        ]

    def pieces(self, rows: Literal["prompt", "response"], row: int) -> list[str]:
        """Text of every token of a prompt or response.

        Raises:
            TraceCorruptError: the file does not hold what its header says.
        """
        content_name, offsets_name = PIECES[rows]
        begin, end = self._bounds(OFFSETS[rows], row)
        offsets = [int(offset) for offset in self._read(offsets_name, begin, end + 1)]
        content = self._read(content_name, offsets[0], offsets[-1]).tobytes()
        first = offsets[0]
        return [
            content[start - first : stop - first].decode("utf-8", "replace")
            for start, stop in pairwise(offsets)
        ]

    def _bounds(self, offsets_name: str, row: int) -> tuple[int, int]:
        begin, end = self._read(offsets_name, row, row + 2)
        return int(begin), int(end)

    def _tensor(self, name: str) -> _Tensor:
        if name not in self._tensors:
            raise TraceCorruptError(f"{self.path.name} holds no tensor {name!r}")
        return self._tensors[name]

    def _read(self, name: str, begin: int, end: int) -> "array[float]":
        """Numbers begin to end of a tensor, as if it had one axis."""
        tensor = self._tensor(name)
        # An array of whole numbers is read alike: its numbers are ints.
        values: array[float] = array(cast(Literal["f"], _TYPE_CODES[tensor.dtype]))
        start, stop = tensor.data_offsets
        if not 0 <= begin <= end or start + end * values.itemsize > stop:
            raise TraceCorruptError(
                f"{self.path.name}: numbers {begin} to {end} lie outside of tensor {name!r}"
            )
        with self.path.open("rb") as file:
            file.seek(self._data_start + start + begin * values.itemsize)
            content = file.read((end - begin) * values.itemsize)
        if len(content) != (end - begin) * values.itemsize:
            raise TraceCorruptError(f"{self.path.name}: tensor {name!r} is cut off")
        values.frombytes(content)
        if sys.byteorder == "big":
            values.byteswap()
        return values


def open_trace(path: Path) -> TraceFile:
    """The trace at a path.

    Raises:
        TraceCorruptError: the header is no trace's.
        FileNotFoundError: the trainer has removed it since it was listed.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MAX_HEADER_BYTES:
            raise TraceCorruptError(f"{path.name}: a header of {size} bytes")
        content = file.read(size)
    try:
        header = json.loads(content)
        trace = StepTrace.model_validate_json(header.pop("__metadata__")[METADATA_KEY])
        tensors = _TENSORS.validate_python(header)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as e:
        raise TraceCorruptError(f"{path.name}: its header is no trace's: {e}") from e
    return TraceFile(path, trace, tensors, 8 + size)
