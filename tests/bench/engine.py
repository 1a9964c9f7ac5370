"""Our decoding loop against transformers' `generate`, on the same prompts, turn by turn."""

import time
from pathlib import Path

import torch

from backend.contract.config import DataConfig
from worker.data.datasets import load_split, open_image
from worker.data.prompts import collate, encode_prompt
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import image_inputs
from worker.modeling.loading import load_policy, load_processor
from worker.workbench.problems import PROMPT_SUFFIX

ROUNDS = 3
NUM_PROMPTS = 64
MAX_TOKENS = 64


def measure(model_folder: Path, dataset: Path) -> dict[str, float]:
    """Response tokens per second of both, and their ratio (medians of alternating rounds)."""
    policy = load_policy(model_folder, torch.device("cpu"))
    processor = load_processor(model_folder, None)
    encoded = [
        encode_prompt(
            item,
            open_image(dataset, item),
            processor=processor,
            cfg=DataConfig(prompt_suffix=PROMPT_SUFFIX),
        )
        for item in load_split(dataset, "validation")[:NUM_PROMPTS]
    ]
    prompts = collate(encoded, policy=policy, processor=processor)
    engine = TransformersEngine(policy, processor, seed=0)
    ours, theirs = [], []
    for turn in range(ROUNDS):
        started = time.monotonic()
        [responses] = engine.generate(
            prompts,
            [Decoding(num_samples=1, temperature=1.0, top_p=1.0, stream="bench")],
            rl_step=turn,
            max_tokens=MAX_TOKENS,
        )
        ours.append(int(responses.num_tokens.sum()) / (time.monotonic() - started))
        started = time.monotonic()
        torch.manual_seed(turn)
        tokens = policy.generate(
            input_ids=prompts.input_ids,
            attention_mask=prompts.attention_mask.long(),
            mm_encoder_outputs=image_inputs(prompts.image_features),
            mm_token_type_ids=(prompts.input_ids == processor.image_token_id).int(),
            image_grid_thw=torch.cat(
                [p.image_grid_thw for p in encoded if p.image_grid_thw is not None]
            ),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            max_new_tokens=MAX_TOKENS,
        )[:, prompts.input_ids.shape[1] :]
        lengths = (tokens != processor.pad_token_id).sum()
        theirs.append(int(lengths) / (time.monotonic() - started))
    median_ours, median_theirs = sorted(ours)[ROUNDS // 2], sorted(theirs)[ROUNDS // 2]
    return {
        "ours tokens/s": median_ours,
        "generate tokens/s": median_theirs,
        "ratio": median_ours / median_theirs,
    }
