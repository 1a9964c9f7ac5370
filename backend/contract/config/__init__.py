"""What a run can be told: closed, frozen models, each field documented.

The sentence under a field serves the reader of the code, OpenAPI and the help of the launch form.
Defaults are the paper's values (arXiv 2504.02587, section 4 and Appendix A); the form reads
`json_schema_extra` for unit and group. Batch sizes are global, whatever the number of devices.
"""

from backend.contract.config.algorithm import AlgorithmConfig, AlgorithmName
from backend.contract.config.closed import Closed, Slug
from backend.contract.config.evaluation import (
    PAPER_DECODING,
    DecodingSetting,
    EvaluationConfig,
)
from backend.contract.config.reward import RewardConfig
from backend.contract.config.rollouts import (
    DataConfig,
    EngineConfig,
    MismatchConfig,
    SamplingConfig,
)
from backend.contract.config.runs import (
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
    "AlgorithmConfig",
    "AlgorithmName",
    "CheckpointConfig",
    "Closed",
    "DataConfig",
    "DecodingSetting",
    "EngineConfig",
    "EvaluationConfig",
    "LoraConfig",
    "MismatchConfig",
    "OptimizerConfig",
    "ParallelConfig",
    "RLConfig",
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
