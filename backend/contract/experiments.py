"""What an experiment is: models x data sets x settings x seeds, created in one request.

Settings are compared with each other, so a specification is refused where they differ in what must
be equal: how a problem becomes a prompt, how evaluations decode, how answers are judged and which
words count as reflection. Precision and device may differ.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from backend.contract.config import AnyRunConfig, EvaluationRunConfig, Slug, parse_config
from backend.contract.config.closed import Closed
from backend.contract.config.evaluation import EvaluationSettings
from backend.contract.config.refusal import refuse
from backend.contract.devices import MAX_PRIORITY

MAX_RUNS = 512
"""Most runs of one experiment."""

EQUAL_FIELDS = (
    "data.prompt_suffix",
    "data.max_prompt_tokens",
    "data.max_image_pixels",
    "evaluation.max_response_tokens",
    "evaluation.decoding",
    "evaluation.pass_at",
    "reward.judge_timeout_s",
    "reflection.words",
    "reflection.match",
)
"""Fields in which the settings of an experiment must not differ."""

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
_GIVEN_BY_EXPERIMENT = ("model", "dataset", "seed")
_MAX_SHOWN = 80


class ExperimentSetting(Closed):
    """One way to treat the model: untouched, fine-tuned on solutions, or trained by RL."""

    name: Slug
    """Unique in the experiment; a column of the table."""
    kind: Literal["vanilla", "sft", "rl"]
    """What it does."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Configuration of a run of this kind, without model, dataset and seed; defaults elsewhere. A
    vanilla setting without any takes what it shares with the first trained setting."""

    @property
    def run_kind(self) -> Literal["evaluation", "sft", "rl"]:
        """Kind of the setting's runs."""
        return "evaluation" if self.kind == "vanilla" else self.kind

    def build_config(self, model: str, dataset: str, seed: int) -> AnyRunConfig:
        """The configuration of one of its runs.

        Raises:
            ValidationError: names each field that is refused.
        """
        given = {"kind": self.run_kind, "model": model, "dataset": dataset, "seed": seed}
        return parse_config({**self.config, **given})


class ExperimentSpec(Closed):
    """A whole experiment."""

    name: str = Field(min_length=1, max_length=200)
    """Name for people."""
    models: tuple[Slug, ...] = Field(min_length=1, max_length=16)
    """Slugs of the models."""
    datasets: tuple[Slug, ...] = Field(min_length=1, max_length=16)
    """Slugs of the data sets."""
    settings: tuple[ExperimentSetting, ...] = Field(min_length=1, max_length=16)
    """Ways to treat each model on each data set."""
    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2), min_length=1, max_length=32)
    """Seeds of every trained setting; vanilla is evaluated once."""
    priority: int = Field(default=0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    """Of all its runs: queued runs of a higher priority start first; among equals the older one."""

    @property
    def vanilla(self) -> ExperimentSetting | None:
        """The setting that leaves the model as it is; None where there is none."""
        return next((setting for setting in self.settings if setting.kind == "vanilla"), None)

    @model_validator(mode="after")
    def _nothing_is_given_twice(self) -> Self:
        _refuse_repetition("seeds", self.seeds)
        _refuse_repetition("models", self.models)
        _refuse_repetition("datasets", self.datasets)
        _refuse_repetition("settings", [setting.name for setting in self.settings], ("name",))
        indices = [i for i, setting in enumerate(self.settings) if setting.kind == "vanilla"]
        if len(indices) > 1:
            names = ", ".join(repr(self.settings[i].name) for i in indices)
            refuse(
                ("settings", indices[1], "kind"),
                f"an experiment has at most one vanilla setting; got {len(indices)}: {names}",
                "vanilla",
            )
        return self

    @model_validator(mode="after")
    def _not_too_many_runs(self) -> Self:
        per_pair = sum(
            1 if setting.kind == "vanilla" else len(self.seeds) for setting in self.settings
        )
        num_runs = len(self.models) * len(self.datasets) * per_pair
        if num_runs > MAX_RUNS:
            refuse(
                ("seeds",),
                f"an experiment has at most {MAX_RUNS} runs; models ({len(self.models)}) x "
                f"datasets ({len(self.datasets)}) x runs of all settings ({per_pair}) are "
                f"{num_runs}",
                num_runs,
            )
        return self

    @model_validator(mode="after")
    def _configurations_are_valid_and_comparable(self) -> Self:
        problems = [
            problem
            for index, setting in enumerate(self.settings)
            for problem in _find_foreign_keys(index, setting)
        ]
        configs: dict[int, AnyRunConfig] = {}
        # Vanilla comes last: without a configuration of its own it repeats another one's faults.
        for index in sorted(range(len(self.settings)), key=lambda i: self._takes_from_others(i)):
            if problems and self._takes_from_others(index):
                break
            setting = self.settings[index]
            try:
                configs[index] = self.build_config(setting, self.models[0], self.datasets[0], 0)
            except ValidationError as error:
                problems += _move_problems(error, index, setting.run_kind)
        if problems:
            raise ValidationError.from_exception_data("experiment", problems)
        _check_equal(self.settings, [configs[index] for index in range(len(self.settings))])
        return self

    def _takes_from_others(self, index: int) -> bool:
        return self.settings[index].kind == "vanilla" and not self.settings[index].config

    def build_config(
        self, setting: ExperimentSetting, model: str, dataset: str, seed: int
    ) -> AnyRunConfig:
        """The configuration of a run of the experiment.

        Where there is a vanilla setting, its evaluation stands for every other run's epoch 0.

        Raises:
            ValidationError: names each field that is refused.
        """
        if setting.kind == "vanilla":
            return self._build_vanilla(setting, model, dataset)
        config = setting.build_config(model, dataset, seed)
        if self.vanilla is None or config.kind == "evaluation":
            return config
        evaluation = config.evaluation.model_copy(update={"at_start": False})
        return config.model_copy(update={"evaluation": evaluation})

    def _build_vanilla(
        self, setting: ExperimentSetting, model: str, dataset: str
    ) -> EvaluationRunConfig:
        """The evaluation of a model as it is: independent of the experiment's seeds."""
        trained = next((other for other in self.settings if other.kind != "vanilla"), None)
        content: Mapping[str, Any] = setting.config
        if not content and trained is not None:
            content = _take_shared(trained.build_config(model, dataset, 0))
        config = parse_config(
            {"seed": 0, **content, "kind": "evaluation", "model": model, "dataset": dataset}
        )
        assert isinstance(config, EvaluationRunConfig)
        if config.checkpoint is not None:
            refuse(
                ("checkpoint",),
                "vanilla is the model itself: leave checkpoint empty",
                str(config.checkpoint.run),
            )
        return config


def _take_shared(trained: AnyRunConfig) -> dict[str, Any]:
    """What an evaluation by itself has in common with a training run."""
    content = trained.model_dump(mode="json")
    shared = {
        name: content[name]
        for name in EvaluationRunConfig.model_fields
        if name in content and name not in (*_GIVEN_BY_EXPERIMENT, "kind", "checkpoint")
    }
    evaluation = shared["evaluation"]
    shared["evaluation"] = {name: evaluation[name] for name in EvaluationSettings.model_fields}
    return shared


def _refuse_repetition(field: str, values: Sequence[Hashable], last: tuple[str, ...] = ()) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            what = "setting names" if last else field
            refuse(
                (field, index, *last), f"{what} must be distinct; {value!r} is given twice", value
            )


def _find_foreign_keys(index: int, setting: ExperimentSetting) -> Iterator[InitErrorDetails]:
    """Keys of a setting's configuration that the experiment itself gives."""
    for key in _GIVEN_BY_EXPERIMENT:
        if key in setting.config:
            text = f"the experiment gives {key}: leave it out of a setting's configuration"
            yield _describe(("settings", index, "config", key), text, setting.config[key])
    kind = setting.config.get("kind", setting.run_kind)
    if kind != setting.run_kind:
        text = f"a setting of kind {setting.kind} has runs of kind {setting.run_kind}; got {kind!r}"
        yield _describe(("settings", index, "config", "kind"), text, kind)


def _move_problems(error: ValidationError, index: int, run_kind: str) -> Iterator[InitErrorDetails]:
    """The problems of a setting's configuration, under the path that they have in the request."""
    for problem in error.errors():
        # The kind is no key of the configuration: pydantic names by it what it read.
        path = problem["loc"][1:] if problem["loc"][:1] == (run_kind,) else problem["loc"]
        yield _describe(("settings", index, "config", *path), problem["msg"], problem["input"])


def _describe(path: tuple[str | int, ...], text: str, got: object) -> InitErrorDetails:
    # The message is no template: braces in it must stay as they are.
    error = PydanticCustomError("contradiction", "{text}", {"text": text})
    return InitErrorDetails(type=error, loc=path, input=got)


def _check_equal(settings: Sequence[ExperimentSetting], configs: Sequence[AnyRunConfig]) -> None:
    """Refuse settings that would be compared although they were measured differently."""
    first = configs[0].model_dump(mode="json")
    problems: list[InitErrorDetails] = []
    for index, config in enumerate(configs[1:], start=1):
        content = config.model_dump(mode="json")
        for field in EQUAL_FIELDS:
            expected, got = _look_up(first, field), _look_up(content, field)
            if got != expected:
                text = (
                    f"settings must not differ in {field}: {settings[0].name} has "
                    f"{_show(expected)}, {settings[index].name} has {_show(got)}"
                )
                path = ("settings", index, "config", *field.split("."))
                problems.append(_describe(path, text, got))
    if problems:
        raise ValidationError.from_exception_data("experiment", problems)


def _look_up(content: Mapping[str, Any], field: str) -> object:
    part: object = content
    for name in field.split("."):
        part = cast(Mapping[str, object], part)[name]
    return part


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
