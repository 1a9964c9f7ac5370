"""What vLLM loads from here by name: where it computes, and how it takes new weights."""

from collections.abc import Mapping
from typing import Any

import torch.distributed as dist
from torch import Tensor
from vllm.model_executor.layers.vocab_parallel_embedding import (  # pyright: ignore[reportMissingImports]
    ParallelLMHead,
)
from vllm.v1.executor.uniproc_executor import (  # pyright: ignore[reportMissingImports]
    UniProcExecutor,
)


class TrainerExecutor(UniProcExecutor):
    """Runs the model in the trainer's process, on the device that the engine was given.

    vLLM's own executor for one process always takes the first GPU and believes to be rank 0.
    """

    def _distributed_args(self) -> tuple[str, int, int]:
        """How to connect, the rank, and the index of the device."""
        connection, _, _ = super()._distributed_args()
        rank = dist.get_rank() if dist.is_initialized() else 0
        return connection, rank, self.vllm_config.additional_config["device_index"]


class WeightTaker:
    """A method that vLLM adds to its worker."""

    reload_weights: Any
    model_runner: Any

    def take_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Put new weights in the place of old ones.

        Args:
            weights: By their names in checkpoint files; what is not named stays as it is.
        """
        self.reload_weights(weights_iterator=iter(weights.items()))
        # On a CPU the head keeps a packed copy, which a reload misses where the weight itself is
        # the embedding's and comes under that name.
        for module in self.model_runner.get_model().modules():
            if isinstance(module, ParallelLMHead):
                module.quant_method.process_weights_after_loading(module)
