"""Rules that join several parts of a configuration: what cannot work together is refused by field.

Paths start at the run's configuration. What needs the model or the data set to be decided is
checked at submission by `backend/api/services/run_checks.py`.
"""

from backend.contract.config.algorithm import AlgorithmConfig
from backend.contract.config.evaluation import EvaluationSettings
from backend.contract.config.refusal import refuse
from backend.contract.config.reward import RewardConfig
from backend.contract.config.rollouts import EngineConfig, SamplingConfig
from backend.contract.config.supervised import SupervisedConfig
from backend.contract.config.training import (
    LoraConfig,
    ParallelConfig,
    TraceConfig,
    TrainedPartsConfig,
)

VLLM_LEAST_TEMPERATURE = 0.01
"""vLLM raises lower temperatures to this one, for the sake of its arithmetic."""

_ENGINE_OF_FIELD = {"placement": "vllm", "gpu_memory_frac": "vllm", "max_rows": "transformers"}


def check_trained(trained: TrainedPartsConfig, lora: LoraConfig | None) -> None:
    """Something must be trained, and adapters need the language model.

    Raises:
        ValidationError: names the field and the rule.
    """
    if lora is None:
        if not any(getattr(trained, part) for part in TrainedPartsConfig.model_fields):
            refuse(
                ("trained", "language_model"),
                "nothing would be trained: set at least one of trained.vision_tower, "
                "trained.connector, trained.language_model and trained.lm_head",
                trained.language_model,
            )
        return
    if not trained.language_model:
        refuse(
            ("lora",),
            "lora adapts the language model, which trained.language_model (false) freezes: leave "
            "lora empty, or set trained.language_model",
            lora.model_dump(),
        )
    for part in ("vision_tower", "connector"):
        if getattr(trained, part):
            refuse(
                ("trained", part),
                f"trained.{part} must be false with lora: adapters on the language model are then "
                "all that is trained (lm_head stays as it is)",
                True,
            )
    for index, name in enumerate(lora.target_modules):
        if not name.isidentifier() or name in lora.target_modules[:index]:
            refuse(
                ("lora", "target_modules", index),
                f"lora.target_modules must be distinct names of layers, such as q_proj; got "
                f"{name!r}",
                name,
            )


def check_engine(engine: EngineConfig) -> None:
    """A setting of one engine has no effect with the other.

    Raises:
        ValidationError: names the field and the rule.
    """
    for field, name in _ENGINE_OF_FIELD.items():
        value, default = getattr(engine, field), EngineConfig.model_fields[field].default
        if engine.name != name and value != default:
            refuse(
                ("engine", field),
                f"engine.{field} ({value}) has no effect with engine.name {engine.name}: leave it "
                f"at {default}, or choose {name}",
                value,
            )


def check_vllm(
    engine: EngineConfig,
    evaluation: EvaluationSettings,
    *,
    parallel: ParallelConfig | None = None,
    sampling: SamplingConfig | None = None,
) -> None:
    """What vLLM cannot do, or would do otherwise than the configuration says.

    Args:
        engine: With another name nothing is checked.
        evaluation: Its temperatures.
        parallel: Of the trainer; None where nothing is trained.
        sampling: Of the rollouts; None where there are none.

    Raises:
        ValidationError: names the field and the rule.
    """
    if engine.name != "vllm":
        return
    if parallel is not None and parallel.devices > 1:
        refuse(
            ("parallel", "devices"),
            f"engine.name vllm serves a trainer of one device, parallel.devices "
            f"({parallel.devices}) must be 1; with more, choose transformers",
            parallel.devices,
        )
    if sampling is not None and sampling.top_p < 1.0:
        refuse(
            ("sampling", "top_p"),
            f"sampling.top_p ({sampling.top_p:g}) must be 1 with engine.name vllm, whose "
            "log-probabilities are those within the nucleus; the trainer's are over all tokens",
            sampling.top_p,
        )
    temperatures: list[tuple[tuple[str | int, ...], float]] = [
        (("evaluation", "decoding", index, "temperature"), setting.temperature)
        for index, setting in enumerate(evaluation.decoding)
    ]
    if sampling is not None:
        temperatures.insert(0, (("sampling", "temperature"), sampling.temperature))
    for path, temperature in temperatures:
        if temperature < VLLM_LEAST_TEMPERATURE:
            refuse(
                path,
                f"temperature {temperature:g} is too low for engine.name vllm, which takes "
                f"{VLLM_LEAST_TEMPERATURE:g} in place of anything below",
                temperature,
            )


def check_devices(
    parallel: ParallelConfig, batch: AlgorithmConfig | SupervisedConfig, device: str
) -> None:
    """Every device needs a response, or a problem, of every update; a CPU has no GPU's memory.

    Raises:
        ValidationError: names the field and the rule.
    """
    if isinstance(batch, SupervisedConfig):
        field, size = "supervised.samples_per_update", batch.samples_per_update
    else:
        field, size = "algorithm.responses_per_update", batch.responses_per_update
    if parallel.devices > size:
        refuse(
            ("parallel", "devices"),
            f"parallel.devices ({parallel.devices}) must be at most {field} ({size}): every device "
            "takes part in every update",
            parallel.devices,
        )
    if parallel.min_device_memory_gib is not None and device == "cpu":
        refuse(
            ("parallel", "min_device_memory_gib"),
            f"parallel.min_device_memory_gib ({parallel.min_device_memory_gib:g}) has no effect "
            "with device cpu: leave it empty, or choose cuda or auto",
            parallel.min_device_memory_gib,
        )


def check_length_budget(reward: RewardConfig, sampling: SamplingConfig) -> None:
    """A response cannot come to a budget that is longer than the longest response.

    Raises:
        ValidationError: names the field and the rule.
    """
    budget = reward.length_budget_tokens
    if budget is not None and budget > sampling.max_response_tokens:
        refuse(
            ("reward", "length_budget_tokens"),
            f"reward.length_budget_tokens ({budget}) must be at most "
            f"sampling.max_response_tokens ({sampling.max_response_tokens})",
            budget,
        )


def check_overlong_buffer(algorithm: AlgorithmConfig, sampling: SamplingConfig) -> None:
    """The buffer lies within the longest response.

    Raises:
        ValidationError: names the field and the rule.
    """
    buffer, longest = algorithm.overlong_buffer_tokens, sampling.max_response_tokens
    if buffer is not None and buffer > longest:
        refuse(
            ("algorithm", "overlong_buffer_tokens"),
            f"algorithm.overlong_buffer_tokens ({buffer}) must be at most "
            f"sampling.max_response_tokens ({longest})",
            buffer,
        )


def check_traced_samples(trace: TraceConfig, algorithm: AlgorithmConfig) -> None:
    """A traced response is one of the step; what is off needs no numbers that fit.

    Raises:
        ValidationError: names the field and the rule.
    """
    total = algorithm.responses_per_rl_step
    for index, number in enumerate(trace.samples):
        if trace.every_rl_steps and number >= total:
            refuse(
                ("trace", "samples", index),
                f"trace.samples ({number}) must be less than algorithm.responses_per_rl_step "
                f"({total}): responses are numbered from 0",
                number,
            )
