"""The paper's published curves and table, and which experiments they belong beside.

Facts from arXiv 2504.02587; the files in `published/` say how they were read. A model belongs to a
published one when its slug, reduced to lower-case letters and digits, begins with the published
name's (`qwen2.5-vl-7b-instruct` with Qwen2.5-VL-7B); a data set when the two are equal, with or
without the size of mm_math5k (`mm-math5k`, `mm-math`, `geometry3k`). Subsets have other names and
get no overlay.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_MODELS = {"qwen2vl7b": "Qwen2-VL-7B", "qwen25vl7b": "Qwen2.5-VL-7B"}
_DATASETS = {"mmmath5k": "mm_math5k", "mmmath": "mm_math5k", "geometry3k": "geometry3k"}
_SPLITS = {"validation": "valid", "test": "test"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedSetting:
    """One model on one data set of the paper."""

    model: str
    """The paper's name of the model."""
    dataset: str
    """The paper's name of the data set."""
    curves: Mapping[str, Any]
    """Name to values by epoch or RL step; `<name>|std` is its band."""
    table: Mapping[str, Mapping[str, float | None]]
    """`<split> <setting>` to the printed numbers, in percent."""

    def curve(self, name: str) -> tuple[float, ...]:
        """Values of a curve; empty where none is published."""
        return tuple(self.curves.get(name, ()))

    def band(self, name: str) -> tuple[float, ...] | None:
        """Standard deviations of a curve; None where no band is published."""
        band = self.curves.get(f"{name}|std")
        return None if band is None else tuple(band)

    def vanilla(self, split: str, k: int, temperature: float) -> float | None:
        """Printed accuracy of the untrained model, a share."""
        name = accuracy_name(split, k, temperature)
        percent = self.table.get(name, {}).get("vanilla")
        return None if percent is None else percent / 100

    def num_runs(self, name: str) -> int:
        """Runs behind a curve: SFT one; RL three, but for one set of curves that averages four."""
        if name.startswith("SFT "):
            return 1
        is_evaluation = name.startswith("RL ")
        is_exception = (self.model, self.dataset) == ("Qwen2.5-VL-7B", "mm_math5k")
        return 4 if is_evaluation and is_exception else 3


def published_settings() -> tuple[PublishedSetting, ...]:
    """All that the paper shows."""
    curves, table = _read("curves.json"), _read("table-3.json")
    return tuple(
        PublishedSetting(
            model=name.partition("@")[0],
            dataset=name.partition("@")[2],
            curves=curves[name],
            table=table[name],
        )
        for name in curves
    )


def published_setting(model: str, dataset: str) -> PublishedSetting | None:
    """The paper's setting of a model and data set, by their slugs; None where it has none."""
    known_model = next((n for key, n in _MODELS.items() if _bare(model).startswith(key)), None)
    known_dataset = _DATASETS.get(_bare(dataset))
    return next(
        (s for s in published_settings() if (s.model, s.dataset) == (known_model, known_dataset)),
        None,
    )


def accuracy_name(split: str, k: int, temperature: float) -> str:
    """What the files call an accuracy: `valid pass@8 T1.0`."""
    return f"{_SPLITS.get(split, split)} pass@{k} T{float(temperature)}"


def _bare(slug: str) -> str:
    return re.sub(r"[^a-z0-9]", "", slug.lower())


@cache
def _read(name: str) -> dict[str, Any]:
    text = files("backend.analysis").joinpath("published", name).read_text(encoding="utf-8")
    return json.loads(text)["settings"]
