"""What runs have measured and answered."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from maye import api_types as api
from maye.client import frames
from maye.client.connected import Connected

if TYPE_CHECKING:
    import pandas
    import polars

STREAM_SILENCE_S = 60.0
"""The server sends at least a comment every 15 s."""


class MeasurementMethods(Connected):
    """Metrics, responses, traces, evaluations."""

    @overload
    def metrics(
        self, run_id: str, keys: Sequence[str] | None = ..., *, frame: None = ...
    ) -> list[api.LoggedStep]: ...
    @overload
    def metrics(
        self,
        run_id: str,
        keys: Sequence[str] | None = ...,
        *,
        frame: Literal["pandas"],
        is_tidy: bool = ...,
    ) -> "pandas.DataFrame": ...
    @overload
    def metrics(
        self,
        run_id: str,
        keys: Sequence[str] | None = ...,
        *,
        frame: Literal["polars"],
        is_tidy: bool = ...,
    ) -> "polars.DataFrame": ...
    def metrics(
        self,
        run_id: str,
        keys: Sequence[str] | None = None,
        *,
        frame: frames.FrameKind | None = None,
        is_tidy: bool = False,
    ) -> Any:
        """Every value that a run has logged, exactly; nothing is down-sampled.

        Args:
            run_id: the run.
            keys: metrics wanted, as `metric_keys` names them; None for all.
            frame: `pandas` or `polars` for a table, None for the steps as they are.
            is_tidy: one row for a value (columns `key`, `value`) in place of one for a step.

        Raises:
            CommandError: the package is not installed.
        """
        steps = list(self.steps(run_id, keys))
        if frame is None:
            return steps
        columns = frames.tidy_columns(steps) if is_tidy else frames.wide_columns(steps)
        return frames.to_pandas(columns) if frame == "pandas" else frames.to_polars(columns)

    def steps(self, run_id: str, keys: Sequence[str] | None = None) -> Iterator[api.LoggedStep]:
        """The logged steps of a run in order; see `metrics`."""
        after: int | None = -1
        while after is not None:
            query = {"after": after, "keys": None if keys is None else list(keys)}
            page: api.StepPage = self.connection.get(f"runs/{run_id}/steps", query)
            yield from map(frames.restore_floats, page["steps"])
            after = page["next_after"]

    def metric_keys(self, run_id: str) -> list[api.MetricKey]:
        """The metrics that a run has logged."""
        return self.connection.get(f"runs/{run_id}/metrics")

    def metric_catalogue(self) -> list[api.Metric]:
        """Every metric that a run may log, with title, unit, definition and source."""
        return self.connection.get("metric-catalogue")

    def series(self, run_id: str, key: str, *, max_points: int = 2000) -> list[api.SeriesPoint]:
        """Points of a metric in order of rl_step, for drawing: long ones are down-sampled."""
        query = {"keys": key, "max_points": max_points}
        (found,) = self.connection.get(f"runs/{run_id}/series", query)
        points: list[api.SeriesPoint] = found["points"]
        for point in points:
            point["value"] = float(point["value"])
        return points

    def samples(
        self, run_id: str, step: int | None = None, *, limit: int = 50, offset: int = 0
    ) -> api.SamplePage:
        """Responses of a step with their problems, of the newest step by default."""
        query = {"step": step, "limit": limit, "offset": offset}
        return self.connection.get(f"runs/{run_id}/samples", query)

    def trajectories(self, run_id: str) -> api.TrajectoryIndex:
        """Which steps and responses of a run are traced."""
        return self.connection.get(f"runs/{run_id}/trajectories")

    def trajectory(self, run_id: str, rl_step: int, index: int) -> api.Trajectory:
        """One response of a traced step with every tensor of the four steps."""
        return self.connection.get(f"runs/{run_id}/trajectories/{rl_step}/{index}")

    def evaluate(self, config: Mapping[str, Any], *, name: str | None = None) -> api.RunDetail:
        """Queue an evaluation of a model, or of a checkpoint of a run."""
        return self.connection.post("evaluations", {"name": name, "config": config})

    def evaluations(self, run_id: str) -> list[api.EvaluationInfo]:
        """What a run's policy made of each split, step and decoding setting, oldest first."""
        return self.connection.get("evaluations", {"run": run_id})

    def answers(self, evaluation_id: int, **wanted: str | bool) -> Iterator[api.Answer]:
        """Single answers with their problems, in file order.

        Args:
            evaluation_id: from `evaluations`.
            wanted: any of `item`, `correct`, `reflective`, `category`, `difficulty`, `search`.
        """
        return self._pages(f"evaluations/{evaluation_id}/answers", "answers", wanted)

    def compare_evaluations(self, a: int, b: int) -> api.Comparison:
        """Problems gained and lost between two evaluations of the same split."""
        return self.connection.get("evaluations/compare", {"a": a, "b": b})

    def stream(
        self, *run_ids: str, after: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """What changes, as it changes: `hello`, `run`, `metrics`, `samples` and `log` with data.

        Args:
            run_ids: the runs of interest; none means all.
            after: the platform's counter from which on; by default now.

        Raises:
            AwayError: the connection broke; ask again with the counter that was last seen.
        """
        query = {"runs": list(run_ids) or None, "after": after}
        return self.connection.stream(query, silence_s=STREAM_SILENCE_S)
