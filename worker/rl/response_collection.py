"""Step II, response collection: one response to each prompt, from the current policy."""

from backend.contract.config import SamplingConfig
from worker.generation.engine import Decoding, Engine
from worker.rl.types import Batch
from worker.tensors.batches import Responses


def collect(engine: Engine, batch: Batch, cfg: SamplingConfig, *, rl_step: int) -> Responses:
    """One response per prompt (the paper's n = 1)."""
    decoding = Decoding(
        num_samples=1, temperature=cfg.temperature, top_p=cfg.top_p, stream="rollout"
    )
    [responses] = engine.generate(
        batch.prompts, [decoding], rl_step=rl_step, max_tokens=cfg.max_response_tokens
    )
    return responses
