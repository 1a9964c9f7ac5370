"""What a run can be told: closed, frozen models, each field documented.

The sentence under a field serves the reader of the code, OpenAPI and the help of the launch form.
Defaults are the paper's values (arXiv 2504.02587, section 4 and Appendix A); the form reads
`json_schema_extra` for unit and group. Batch sizes are global, whatever the number of devices.
"""

from backend.contract.config.algorithm import AlgorithmConfig, AlgorithmName
from backend.contract.config.closed import Closed, Slug
from backend.contract.config.evaluation import (
    PAPER_DECODING,
    PAPER_REFLECTION_WORDS,
    DecodingSetting,
    EvaluationConfig,
    EvaluationSettings,
    ReflectionConfig,
)
from backend.contract.config.reward import RewardConfig
from backend.contract.config.rollouts import (
    DataConfig,
    EngineConfig,
    MismatchConfig,
    SamplingConfig,
)
from backend.contract.config.runs import (
    AnyRunConfig,
    CheckpointChoice,
    EvaluationRunConfig,
    RLConfig,
    RunConfig,
    RunKind,
    SFTConfig,
    parse_config,
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

__all__ = [
    "PAPER_DECODING",
    "PAPER_REFLECTION_WORDS",
    "AlgorithmConfig",
    "AlgorithmName",
    "AnyRunConfig",
    "CheckpointChoice",
    "CheckpointConfig",
    "Closed",
    "DataConfig",
    "DecodingSetting",
    "EngineConfig",
    "EvaluationConfig",
    "EvaluationRunConfig",
    "EvaluationSettings",
    "LoraConfig",
    "MismatchConfig",
    "OptimizerConfig",
    "ParallelConfig",
    "RLConfig",
    "ReflectionConfig",
    "RewardConfig",
    "RunConfig",
    "RunKind",
    "SFTConfig",
    "SamplingConfig",
    "Slug",
    "SupervisedConfig",
    "TraceConfig",
    "TrainedPartsConfig",
    "parse_config",
]
