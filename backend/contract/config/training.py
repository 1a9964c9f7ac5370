"""What is trained, by which optimizer, on which devices, and what is kept."""

from typing import Annotated

from pydantic import Field

from backend.contract.config.closed import Closed, unit


class OptimizerConfig(Closed):
    """AdamW with linear warm-up and cosine decay to 0; moments are kept in fp32."""

    learning_rate: float = Field(default=5e-6, gt=0.0, le=1.0)
    """Peak learning rate."""
    warmup_frac: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of all optimizer steps in which the rate climbs linearly from 0."""
    beta1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """Decay of AdamW's first moment."""
    beta2: float = Field(default=0.95, ge=0.0, lt=1.0)
    """Decay of AdamW's second moment."""
    epsilon: float = Field(default=1e-5, gt=0.0, le=1e-2)
    """Term added to AdamW's denominator."""
    weight_decay: float = Field(default=0.01, ge=0.0, le=1.0)
    """Decoupled weight decay of every trained parameter."""
    max_grad_norm: float = Field(default=1.0, gt=0.0, le=1000.0)
    """Global norm to which gradients are clipped."""


class TrainedPartsConfig(Closed):
    """Which parts of the model are trained; the others stay as they are, bit for bit."""

    vision_tower: bool = False
    """The encoder of pictures."""
    connector: bool = False
    """What turns visual features into tokens (Qwen: the merger)."""
    language_model: bool = True
    """Embeddings and decoder layers."""
    lm_head: bool = True
    """The output projection; where it is the embedding itself, both follow language_model. With
    lora it stays as it is, whatever is said here."""


class LoraConfig(Closed):
    """Low-rank adapters in place of the full weights (arXiv 2106.09685)."""

    rank: int = Field(default=16, ge=1, le=1024)
    """Rank of the update of each adapted matrix."""
    alpha: float = Field(default=32.0, gt=0.0, le=4096.0)
    """The update is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Dropout before the adapters, in updates only."""
    target_modules: tuple[str, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        min_length=1,
        max_length=32,
    )
    """Names of the language model's linear layers that get an adapter."""


class ParallelConfig(Closed):
    """Several devices: parameters, gradients and optimizer state are sharded over them (FSDP2)."""

    devices: int = Field(default=1, ge=1, le=4096)
    """Processes of the run, one per device, started by torchrun."""
    min_device_memory_gib: float | None = Field(
        default=None, gt=0.0, le=4096.0, json_schema_extra=unit("GiB")
    )
    """Least memory of each GPU, as its driver reports it (a GPU that is sold with 80 GB has 79 to
    80 GiB): the run waits for a worker that has such GPUs. Empty takes any device."""
    activation_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory."""
    collective_timeout_s: float = Field(
        default=600.0, ge=1.0, le=86400.0, json_schema_extra=unit("s")
    )
    """A device that waits longer for the others ends the attempt, saying what it waits for."""


class TraceConfig(Closed):
    """Which steps are kept tensor by tensor, for reading them in the browser."""

    every_rl_steps: int = Field(default=0, ge=0, le=100000, json_schema_extra=unit("steps"))
    """RL steps between two traces, the first step included; 0 keeps none."""
    samples: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0, 1, 2, 3), max_length=4096)
    """Responses of a traced step to keep, by their number from 0; none means all."""
    keep: int = Field(default=64, ge=1, le=100000)
    """How many of the newest traced steps stay on disk."""


class CheckpointConfig(Closed):
    """When the complete state of the run is saved."""

    every_rl_steps: int = Field(default=10, ge=1, le=100000, json_schema_extra=unit("steps"))
    """RL steps between two checkpoints; the last step and each new best one are always saved."""
    keep: int = Field(default=2, ge=2, le=1000)
    """How many of the newest checkpoints stay on disk, besides that of the best validation
    accuracy (last decoding setting)."""
