"""Submitting, following and steering runs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from maye import api_types as api
from maye.client import configs, waiting
from maye.client.connected import Connected
from maye.client.connection import Json, given


class RunMethods(Connected):
    """Runs."""

    def submit(
        self,
        what: str | Path | Mapping[str, Any],
        *,
        name: str | None = None,
        seed: int | None = None,
        changes: Mapping[str, Any] | None = None,
        priority: int | None = None,
    ) -> api.RunDetail:
        """Queue a run.

        Args:
            what: the slug of a preset, the path of a YAML file, or a configuration.
            name: of the run; by default the preset's or file's title and the seed.
            seed: in place of the configuration's.
            changes: values by dotted path, for example `{"algorithm.clip_low": 0.1}`.
            priority: higher ones start first; by default 0.

        Raises:
            CommandError: no such preset or file, or a path is unknown.
            ServerError: the platform refused; `fields` says which values.
        """
        draft = configs.draft_run(what, self.presets)
        config = draft.change({**(changes or {}), **({} if seed is None else {"seed": seed})})
        name = name or f"{draft.title}, seed {config.get('seed', 0)}"
        return self.launch(name, config, preset=draft.preset, priority=priority)

    def launch(
        self,
        name: str,
        config: Mapping[str, Any],
        *,
        preset: str | None = None,
        priority: int | None = None,
    ) -> api.RunDetail:
        """Queue a run of a whole configuration."""
        body: dict[str, Any] = {"name": name, "config": config, "preset": preset}
        return self.connection.post(
            "runs", body if priority is None else {**body, "priority": priority}
        )

    def presets(self) -> list[api.PresetInfo]:
        """Ready configurations."""
        return self.connection.get("presets")

    def config_schema(self, kind: Literal["rl", "sft", "evaluation"] = "rl") -> Json:
        """JSON schema of the configurations of a kind of run: fields, ranges, defaults."""
        return self.connection.get("schemas/run-config", {"kind": kind})

    def runs(self, *, status: api.RunStatus | None = None) -> Iterator[api.RunSummary]:
        """All runs, newest first."""
        return self._pages("runs", "runs", {"status": status})

    def run(self, run_id: str) -> api.RunDetail:
        """A run with its configuration."""
        return self.connection.get(f"runs/{run_id}")

    def wait(
        self,
        run_id: str,
        *,
        timeout_s: float | None = None,
        on_progress: Callable[[api.RunDetail], None] | None = None,
    ) -> api.RunDetail:
        """Wait for the end of a run, through restarts of the platform.

        Args:
            run_id: the run.
            timeout_s: longest wait; None waits for ever.
            on_progress: told the run whenever its status, step or phase has changed.

        Raises:
            NotEndedError: the time is over; the run goes on.
            AwayError: nobody has answered for five minutes.
        """
        return waiting.wait_for_end(
            lambda: self.run(run_id), timeout_s=timeout_s, on_progress=on_progress
        )

    def cancel(self, run_id: str) -> api.RunDetail:
        """Ask a run to stop."""
        return self.connection.post(f"runs/{run_id}/cancel")

    def resume(self, run_id: str, *, is_forced: bool = False) -> api.RunDetail:
        """Queue a failed or cancelled run again; force goes on in spite of what has changed."""
        return self.connection.post(f"runs/{run_id}/resume", {"force": is_forced})

    def change_run(
        self, run_id: str, *, name: str | None = None, priority: int | None = None
    ) -> api.RunDetail:
        """Give a run another name, or a queued one another priority."""
        changes = given({"name": name, "priority": priority})
        return self.connection.patch(f"runs/{run_id}", changes)

    def set_priority(self, run_id: str, priority: int) -> api.RunDetail:
        """Let a queued run start before those of a lower priority."""
        return self.change_run(run_id, priority=priority)

    def delete(self, run_id: str) -> None:
        """Delete a run that has ended, with all that it has logged."""
        self.connection.delete(f"runs/{run_id}")

    def run_events(self, run_id: str) -> list[api.RunEvent]:
        """The history of a run, oldest first."""
        return self.connection.get(f"runs/{run_id}/events")

    def checkpoints(self, run_id: str) -> list[api.CheckpointInfo]:
        """Announced checkpoints, newest first."""
        return self.connection.get(f"runs/{run_id}/checkpoints")

    def log(self, run_id: str, *, max_bytes: int = 65_536) -> api.LogTail:
        """The end of a run's log."""
        return self.connection.get(f"runs/{run_id}/log", {"max_bytes": max_bytes})

    def follow_log(self, run_id: str) -> Iterator[str]:
        """A run's log from its beginning, piece by piece as it grows, until the run has ended."""

        def read(after: str | None) -> api.LogTail:
            query = {"after": after or "start", "max_bytes": 2**20}
            return self.connection.get(f"runs/{run_id}/log", query)

        return waiting.follow_log(read, lambda: self.run(run_id))
