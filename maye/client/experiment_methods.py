"""Experiments and their reports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from maye import api_types as api
from maye.client import configs
from maye.client.connected import Connected

Spread = Literal["population", "sample"]


class ExperimentMethods(Connected):
    """Experiments."""

    def experiments(self) -> Iterator[api.ExperimentSummary]:
        """All experiments, newest first."""
        return self._pages("experiments", "experiments", {})

    def experiment(self, experiment_id: str) -> api.ExperimentDetail:
        """An experiment with its runs."""
        return self.connection.get(f"experiments/{experiment_id}")

    def launch_experiment(self, spec: Mapping[str, Any]) -> api.ExperimentDetail:
        """Queue all runs of an experiment; see `backend/contract/experiments.py`."""
        return self.connection.post("experiments", spec)

    def experiment_presets(self) -> list[api.ExperimentPresetInfo]:
        """Ready experiments."""
        return self.connection.get("presets/experiments")

    def launch_experiment_preset(
        self, preset: str, *, seeds: Sequence[int] | None = None
    ) -> api.ExperimentDetail:
        """Queue a ready experiment.

        Args:
            preset: slug of the preset.
            seeds: in place of the preset's seeds.

        Raises:
            CommandError: no such preset, or it cannot be launched now.
        """
        spec = configs.find_preset(self.experiment_presets(), preset)["spec"]
        return self.launch_experiment({**spec, **({} if seeds is None else {"seeds": [*seeds]})})

    def rename_experiment(self, experiment_id: str, name: str) -> api.ExperimentDetail:
        """Give an experiment another name."""
        return self.connection.patch(f"experiments/{experiment_id}", {"name": name})

    def delete_experiment(self, experiment_id: str) -> None:
        """Forget an experiment."""
        self.connection.delete(f"experiments/{experiment_id}")

    def cancel_experiment(self, experiment_id: str) -> api.ExperimentDetail:
        """Ask all its runs that have not ended to stop."""
        return self.connection.post(f"experiments/{experiment_id}/cancel")

    def rerun(self, experiment_id: str, run_id: str) -> api.ExperimentCell:
        """Queue a new run in the place of one that has ended: the cell with the new one."""
        return self.connection.post(f"experiments/{experiment_id}/runs/{run_id}/rerun")

    def report(self, experiment_id: str, *, spread: Spread = "population") -> api.Report:
        """Table, figures and findings, from what the runs have logged so far."""
        return self.connection.get(f"experiments/{experiment_id}/report", {"spread": spread})

    def report_latex(self, experiment_id: str, *, spread: Spread = "population") -> str:
        """The table for LaTeX, a document that compiles as it is."""
        return self._report_file(experiment_id, "report.tex", spread).decode()

    def report_csv(self, experiment_id: str, *, spread: Spread = "population") -> str:
        """The table with its intervals."""
        return self._report_file(experiment_id, "report.csv", spread).decode()

    def report_curves_csv(self, experiment_id: str, *, spread: Spread = "population") -> str:
        """All curves of the figures."""
        return self._report_file(experiment_id, "report-curves.csv", spread).decode()

    def report_json(self, experiment_id: str, *, spread: Spread = "population") -> str:
        """All numbers of the report, as the text of a file."""
        return self._report_file(experiment_id, "report.json", spread).decode()

    def report_figure(
        self,
        experiment_id: str,
        name: str,
        *,
        extension: Literal["png", "svg"] = "png",
        spread: Spread = "population",
    ) -> bytes:
        """A figure in the paper's layout; `report` names them."""
        return self._report_file(experiment_id, f"figures/{name}.{extension}", spread)

    def _report_file(self, experiment_id: str, name: str, spread: Spread) -> bytes:
        return self.connection.read(f"experiments/{experiment_id}/{name}", {"spread": spread})
