"""Header of a safetensors file: checked, and its parameters counted, without torch.

Format: 8 bytes little-endian header length, JSON header, then the tensors' bytes without gaps
(https://huggingface.co/docs/safetensors, "Format").
"""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from backend.contract.errors import ModelInvalidError

MAX_HEADER_BYTES = 100_000_000
_DTYPE_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
_HEADER = TypeAdapter(dict[str, Any])
_NotNegative = Annotated[int, Field(ge=0, le=2**63 - 1)]


class _Tensor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: str
    shape: list[_NotNegative] = Field(max_length=16)
    data_offsets: list[_NotNegative] = Field(min_length=2, max_length=2)

    @property
    def num_parameters(self) -> int:
        """Numbers in the tensor."""
        return math.prod(self.shape)


def read_num_parameters(path: Path) -> dict[str, int]:
    """Tensor name to how many numbers it holds.

    Raises:
        ModelInvalidError: The header is malformed or does not describe the file's bytes exactly.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if size_bytes < 8 or header_bytes > min(size_bytes - 8, MAX_HEADER_BYTES):
            raise ModelInvalidError(
                f"{path.name}: header of {header_bytes} bytes in a file of {size_bytes} bytes: "
                "no safetensors file, or one that was cut off"
            )
        content = file.read(header_bytes)
    tensors = _parse(path.name, content)
    _check_offsets(path.name, tensors, size_bytes - 8 - header_bytes)
    return {name: tensor.num_parameters for name, tensor in tensors.items()}


def _parse(file_name: str, content: bytes) -> dict[str, _Tensor]:
    try:
        header = _HEADER.validate_json(content)
    except ValidationError as e:
        message = e.errors(include_url=False)[0]["msg"]
        raise ModelInvalidError(f"{file_name}: the header holds no JSON object: {message}") from e
    tensors: dict[str, _Tensor] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            tensors[name] = _Tensor.model_validate(entry)
        except ValidationError as e:
            problem = e.errors(include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise ModelInvalidError(
                f"{file_name}: tensor {name!r}: {where} {problem['msg']}"
            ) from e
    return tensors


def _check_offsets(file_name: str, tensors: dict[str, _Tensor], num_data_bytes: int) -> None:
    end_of_previous = 0
    for name, tensor in sorted(tensors.items(), key=lambda entry: entry[1].data_offsets):
        begin, end = tensor.data_offsets
        if tensor.dtype not in _DTYPE_BYTES:
            raise ModelInvalidError(f"{file_name}: tensor {name!r} has dtype {tensor.dtype!r}")
        if begin != end_of_previous:
            raise ModelInvalidError(
                f"{file_name}: tensor {name!r} begins at byte {begin}, expected {end_of_previous}"
            )
        expected_bytes = tensor.num_parameters * _DTYPE_BYTES[tensor.dtype]
        if end - begin != expected_bytes:
            raise ModelInvalidError(
                f"{file_name}: tensor {name!r} has {end - begin} bytes, its shape needs "
                f"{expected_bytes}"
            )
        end_of_previous = end
    if end_of_previous != num_data_bytes:
        raise ModelInvalidError(
            f"{file_name}: {num_data_bytes} bytes of tensors, the header describes "
            f"{end_of_previous}: the file was cut off or padded"
        )
