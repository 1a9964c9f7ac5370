"""Judged answers of an evaluation on disk, chunk by chunk: a killed one goes on where it was.

A chunk is a file that is written whole: a header with the key of what decides the answers and the
hash of what follows, then one answer a line. One with another key or hash is not read but made
anew: no answer of other weights, problems, settings or code is ever taken for the present one's.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from backend.contract.messages import AnswerRecord
from worker.parallel.devices import Devices

log = logging.getLogger(__name__)

_NAME = re.compile(r"^step-(\d{8,16})\.")
_ANSWERS = TypeAdapter(list[AnswerRecord])


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some problems of a subject, answered together."""

    rl_step: int
    """Step whose policy answers."""
    split: str
    """Split of the problems."""
    pictures: str
    """own or permuted."""
    start: int
    """Place of the first problem in its split."""
    item_ids: tuple[str, ...]
    """Ids of the problems."""

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"step-{self.rl_step:08d}.{self.split}.{self.pictures}.{self.start:08d}.jsonl"


class AnswerStore:
    """The chunks of a run; the first of several devices reads and writes, the others hear it."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], devices: Devices) -> None:
        """Look into a folder.

        Args:
            folder: `RunFolder.answers`.
            identity: The run's identity (`worker/identity.py`).
            devices: All devices.
        """
        self._folder = folder
        self._identity = _hash(identity)
        self._devices = devices

    def find(self, chunk: Chunk, weights: str) -> list[AnswerRecord] | None:
        """The answers of a chunk that an earlier attempt has finished; None without any.

        Args:
            chunk: The problems.
            weights: Fingerprint of the policy.
        """
        text = self._read(chunk, weights) if self._devices.is_first else None
        told = self._devices.tell(text, "the answers of an earlier attempt")
        return None if told is None else _ANSWERS.validate_json(told)

    def keep(self, chunk: Chunk, weights: str, answers: Sequence[AnswerRecord]) -> None:
        """Write the answers of a chunk, durable when this returns.

        Where the disk does not take them, a later attempt only has to ask again.
        """
        if not self._devices.is_first:
            return
        body = "".join(f"{answer.model_dump_json()}\n" for answer in answers)
        header = {"key": self._key(chunk, weights), "sha256": _hash_text(body)}
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f"{chunk.name}.partial"
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(json.dumps(header) + "\n" + body)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._folder / chunk.name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            log.warning("%s is not kept for a later attempt: %s", chunk.name, error)

    def forget(self, rl_step: int) -> None:
        """Drop what no attempt will ask for again: answers of steps up to a saved checkpoint's."""
        if not self._devices.is_first:
            return
        for path in self._folder.glob("step-*"):
            match = _NAME.match(path.name)
            if match is not None and int(match[1]) <= rl_step:
                path.unlink()

    def _read(self, chunk: Chunk, weights: str) -> str | None:
        """The answers of an intact file of the same key, as a JSON list."""
        path = self._folder / chunk.name
        try:
            first, _, body = path.read_text(encoding="utf-8").partition("\n")
            header = json.loads(first)
            if header["key"] != self._key(chunk, weights):
                log.info("%s is of other weights, settings or code: it is made anew", path.name)
                return None
            if header["sha256"] != _hash_text(body):
                raise ValueError("the answers do not match their hash")
            # Not splitlines(): an answer may hold other signs that end a line.
            text = "[" + ",".join(body.rstrip("\n").split("\n")) + "]"
            _ANSWERS.validate_json(text)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            log.warning("%s is damaged and made anew: %s", path.name, error)
            return None
        return text

    def _key(self, chunk: Chunk, weights: str) -> str:
        parts = [self._identity, weights, chunk.rl_step, chunk.split, chunk.pictures]
        return _hash([*parts, chunk.start, chunk.item_ids])


def _hash(content: Any) -> str:
    return _hash_text(json.dumps(content, sort_keys=True, default=list))


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
