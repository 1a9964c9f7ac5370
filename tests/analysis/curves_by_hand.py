"""Curves of runs whose numbers are known by hand."""

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.report import SettingKind

PASS_1 = Decoded(split="validation", k=1, temperature=0.6)
PASS_1_TEST = Decoded(split="test", k=1, temperature=0.6)
PASS_8 = Decoded(split="validation", k=8, temperature=1.0)


def make_run(
    kind: SettingKind,
    seed: int | None = 0,
    *,
    setting: str | None = None,
    model: str = "workbench-base",
    dataset: str = "workbench-vision",
    status: str = "succeeded",
    accuracy: Mapping[Decoded, Sequence[tuple[float, float]]] | None = None,
    series: Mapping[str, Sequence[tuple[int, float]]] | None = None,
    epochs: Mapping[int, float] | None = None,
    solved: Mapping[Decoded, Mapping[str, bool]] | None = None,
) -> RunCurves:
    name = setting or kind
    return RunCurves(
        run_id=uuid5(NAMESPACE_URL, f"{model}/{dataset}/{name}/{seed}"),
        model=model,
        dataset=dataset,
        setting=name,
        kind=kind,
        seed=None if kind == "vanilla" else seed,
        status=status,
        accuracy=accuracy or {},
        series=series or {},
        epochs=epochs or {},
        solved=solved or {},
    )


def solved_of(num_solved: int, num_problems: int) -> dict[str, bool]:
    """Problem id to solved: the first ones are."""
    return {f"p{index:03}": index < num_solved for index in range(num_problems)}
