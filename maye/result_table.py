"""What a run has learnt, as tables: accuracy before and after training at each decoding setting."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table

from maye.client import Client, Json

ACCURACY = "evaluation/accuracy"
_LABELS = re.compile(r"([a-z_]+)=([^,{}]*)")
_SPLITS = ("validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Evaluation accuracy of one split at one decoding setting."""

    split: str
    pictures: str
    """own, or permuted among problems (the control)."""
    k: int
    temperature: float
    before: float
    """Share of problems at the first evaluation."""
    after: float
    """Share of problems at the last evaluation."""
    after_rl_step: int
    """Step of the last evaluation."""

    @property
    def setting(self) -> str:
        """The decoding setting in words."""
        return f"pass@{self.k}, temperature {self.temperature:g}"


def load_gains(client: Client, run_id: str) -> list[Gain]:
    """First and last evaluation of a run, own pictures first."""
    keys = [entry["key"] for entry in client.metric_keys(run_id) if entry["name"] == ACCURACY]
    gains = [_gain_of(key, client.series(run_id, key)) for key in keys]
    return sorted(
        gains,
        key=lambda gain: (
            gain.pictures != "own",
            _SPLITS.index(gain.split) if gain.split in _SPLITS else len(_SPLITS),
            -gain.k,
            -gain.temperature,
        ),
    )


def build_table(title: str, gains: Iterable[Gain]) -> Table:
    """A table of gains, in per cent and points."""
    table = Table(title=title, title_justify="left")
    table.add_column("split")
    table.add_column("pictures")
    table.add_column("decoding")
    for name in ("before", "after", "gain"):
        table.add_column(name, justify="right")
    for gain in gains:
        table.add_row(
            gain.split,
            gain.pictures,
            gain.setting,
            f"{gain.before:.1%}",
            f"{gain.after:.1%}",
            f"{100 * (gain.after - gain.before):+.1f} points",
        )
    return table


def wall_time_s(run: Json) -> float:
    """Seconds from a run's start to its end."""
    started, finished = (
        datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at")
    )
    return (finished - started).total_seconds()


def _gain_of(key: str, points: Sequence[Json]) -> Gain:
    """The gain along a series."""
    labels: Mapping[str, str] = dict(_LABELS.findall(key))
    first, last = points[0], points[-1]
    return Gain(
        split=labels["split"],
        pictures=labels["pictures"],
        k=int(labels["k"]),
        temperature=float(labels["temperature"]),
        before=float(first["value"]),
        after=float(last["value"]),
        after_rl_step=last["rl_step"],
    )
