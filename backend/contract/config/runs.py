"""The configuration of a run: closed, frozen, each field documented."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from backend.contract.config.algorithm import AlgorithmConfig
from backend.contract.config.closed import Closed, Slug
from backend.contract.config.consistency import (
    check_devices,
    check_engine,
    check_length_budget,
    check_overlong_buffer,
    check_traced_samples,
    check_trained,
    check_vllm,
)
from backend.contract.config.evaluation import (
    EvaluationConfig,
    EvaluationSettings,
    ReflectionConfig,
)
from backend.contract.config.refusal import refuse
from backend.contract.config.reward import RewardConfig
from backend.contract.config.rollouts import (
    DataConfig,
    EngineConfig,
    MismatchConfig,
    SamplingConfig,
)
from backend.contract.config.supervised import SupervisedConfig
from backend.contract.config.training import (
    CheckpointConfig,
    LoraConfig,
    OptimizerConfig,
    ParallelConfig,
    TraceConfig,
    TrainedPartsConfig,
)


class RLConfig(Closed):
    """Reinforcement learning of a vision-language model on one data set, with one seed."""

    kind: Literal["rl"] = "rl"
    """What the run does."""
    model: Slug
    """Slug of the model that training starts from."""
    dataset: Slug
    """Slug of the data set; its splits train, validation and test are used."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of data order, sampling and updates: the same seed gives the same run."""
    epochs: int = Field(default=50, ge=1, le=100000)
    """Passes over the training split; the remainder of a pass that fills no batch is dropped."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Arithmetic of forward passes; weights, optimizer state and log-softmax are always fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    data: DataConfig = DataConfig()
    """Step I: how a problem becomes a prompt."""
    sampling: SamplingConfig = SamplingConfig()
    """Step II: how responses are drawn."""
    engine: EngineConfig = EngineConfig()
    """Step II: what draws the responses."""
    mismatch: MismatchConfig = MismatchConfig()
    """What is done when engine and trainer disagree."""
    reward: RewardConfig = RewardConfig()
    """Step III: what a response is worth."""
    algorithm: AlgorithmConfig = AlgorithmConfig()
    """Step IV: how the policy is updated."""
    trained: TrainedPartsConfig = TrainedPartsConfig()
    """Which parts of the model are trained."""
    lora: LoraConfig | None = None
    """Low-rank adapters in place of the full weights; empty trains the weights."""
    parallel: ParallelConfig = ParallelConfig()
    """Several devices."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """AdamW and its schedule."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """When and how the policy is evaluated."""
    reflection: ReflectionConfig = ReflectionConfig()
    """Which words count as reflection."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """When the state is saved."""
    trace: TraceConfig = TraceConfig()
    """Which steps are kept tensor by tensor."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_trained(self.trained, self.lora)
        check_engine(self.engine)
        check_devices(self.parallel, self.algorithm, self.device)
        check_length_budget(self.reward, self.sampling)
        check_overlong_buffer(self.algorithm, self.sampling)
        check_vllm(self.engine, self.evaluation, parallel=self.parallel, sampling=self.sampling)
        check_traced_samples(self.trace, self.algorithm)
        return self


class SFTConfig(Closed):
    """Supervised fine-tuning on the solutions of a data set: the paper's comparator of RL."""

    kind: Literal["sft"]
    """What the run does."""
    model: Slug
    """Slug of the model that training starts from."""
    dataset: Slug
    """Slug of the data set; every problem of its train split needs a solution."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of data order and updates: the same seed gives the same run."""
    epochs: int = Field(default=3, ge=1, le=100000)
    """Passes over the training split."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Arithmetic of forward passes; weights, optimizer state and log-softmax are always fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    data: DataConfig = DataConfig()
    """How a problem becomes a prompt."""
    supervised: SupervisedConfig = SupervisedConfig()
    """How solutions become updates."""
    reward: RewardConfig = RewardConfig()
    """How answers are judged in evaluations."""
    engine: EngineConfig = EngineConfig()
    """What draws the responses of evaluations."""
    trained: TrainedPartsConfig = TrainedPartsConfig()
    """Which parts of the model are trained."""
    lora: LoraConfig | None = None
    """Low-rank adapters in place of the full weights; empty trains the weights."""
    parallel: ParallelConfig = ParallelConfig()
    """Several devices."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-5)
    """AdamW and its schedule."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """When and how the model is evaluated."""
    reflection: ReflectionConfig = ReflectionConfig()
    """Which words count as reflection."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """When the state is saved; a step is one update."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_trained(self.trained, self.lora)
        check_engine(self.engine)
        check_devices(self.parallel, self.supervised, self.device)
        check_vllm(self.engine, self.evaluation, parallel=self.parallel)
        return self


class CheckpointChoice(Closed):
    """A checkpoint of another run."""

    run: UUID
    """The run that saved it."""
    rl_step: int = Field(ge=0)
    """Step after which it was saved."""


class EvaluationRunConfig(Closed):
    """An evaluation as a job of its own: a model or a checkpoint, on held-out problems."""

    kind: Literal["evaluation"]
    """What the run does."""
    model: Slug
    """Slug of the model; with a checkpoint, the model that its run started from."""
    checkpoint: CheckpointChoice | None = None
    """Trained weights to evaluate; empty evaluates the model itself (vanilla)."""
    dataset: Slug
    """Slug of the data set."""
    splits: tuple[Literal["train", "validation", "test"], ...] = Field(
        default=("validation", "test"), min_length=1, max_length=3
    )
    """Splits to evaluate on."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of sampling."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Arithmetic of forward passes; log-softmax is always fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    data: DataConfig = DataConfig()
    """How a problem becomes a prompt."""
    reward: RewardConfig = RewardConfig()
    """How answers are judged."""
    engine: EngineConfig = EngineConfig()
    """What draws the responses."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How the model is evaluated."""
    reflection: ReflectionConfig = ReflectionConfig()
    """Which words count as reflection."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_engine(self.engine)
        check_vllm(self.engine, self.evaluation)
        if self.evaluation.permuted_control and "validation" not in self.splits:
            refuse(
                ("evaluation", "permuted_control"),
                "evaluation.permuted_control needs the split validation among splits "
                f"({', '.join(self.splits)})",
                True,
            )
        for index, split in enumerate(self.splits):
            if split in self.splits[:index]:
                refuse(("splits", index), f"splits must be distinct; {split} is given twice", split)
        return self


def _kind_of(value: object) -> str | None:
    """The kind that a body or a configuration is of: rl where a body does not say."""
    if isinstance(value, RLConfig | SFTConfig | EvaluationRunConfig):
        return value.kind
    if not isinstance(value, Mapping):
        return "rl"
    kind = cast(Mapping[str, Any], value).get("kind", "rl")
    return kind if isinstance(kind, str) else None


AnyRunConfig = RLConfig | SFTConfig | EvaluationRunConfig
"""The configuration of any kind of run, as a type."""

RunConfig = Annotated[
    Annotated[RLConfig, Tag("rl")]
    | Annotated[SFTConfig, Tag("sft")]
    | Annotated[EvaluationRunConfig, Tag("evaluation")],
    Discriminator(_kind_of),
]
"""The configuration of any kind of run; a body without `kind` is of the kind rl."""

RunKind = Literal["rl", "sft", "evaluation"]
"""The kinds of runs."""

_RUN_CONFIG: TypeAdapter[AnyRunConfig] = TypeAdapter(RunConfig)


def parse_config(content: object) -> AnyRunConfig:
    """A configuration of whatever kind its content says.

    Raises:
        pydantic.ValidationError: names each field that is refused.
    """
    return _RUN_CONFIG.validate_python(content)
