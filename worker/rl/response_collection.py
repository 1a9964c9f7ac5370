"""Step II, response collection: a group of responses to each prompt, from the current policy."""

from backend.contract.config import RLConfig
from worker.generation.engine import Decoding, Engine
from worker.rl.types import Batch
from worker.tensors.batches import Responses


def collect(engine: Engine, batch: Batch, cfg: RLConfig, *, rl_step: int) -> Responses:
    """`responses_per_prompt` responses to each prompt (the paper: one), prompt by prompt.

    The engine gets a prompt once and draws its whole group, so that it may read the prompt once.
    """
    sampling = cfg.sampling
    decoding = Decoding(
        num_samples=cfg.algorithm.responses_per_prompt,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        stream="rollout",
    )
    [responses] = engine.generate(
        batch.prompts, [decoding], rl_step=rl_step, max_tokens=sampling.max_response_tokens
    )
    return responses
