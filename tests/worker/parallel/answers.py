"""Two devices answer and judge together; each prints a line of JSON.

python -m tests.worker.parallel.answers MODEL_FOLDER [alone]
"""

import json
import os
import sys
from pathlib import Path

import torch

from backend.contract.config import ParallelConfig
from tests.worker.conftest import make_prompts
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.loading import load_policy, load_processor
from worker.parallel.devices import Devices
from worker.parallel.sharding import shard
from worker.parallel.shared import SharedEngine, SharedJudge
from worker.rewards.judge import Verdict


class Oracle:
    """Judges by length, and would judge otherwise on another device."""

    def verdicts(self, responses):
        rank = int(os.environ.get("RANK", "0"))
        return [Verdict(len(text) % 2 == rank, text[:3]) for text, _ in responses]


def main(folder: Path) -> None:
    """Answer, judge, print."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    devices = Devices.join(ParallelConfig(devices=count), torch.device("cpu"))
    policy = load_policy(folder, devices.device)
    policy.requires_grad_(False)
    processor = load_processor(folder, None)
    prompts = make_prompts(policy, processor)
    shard(policy, devices, vision=[policy.model.visual], precision="float32")
    engine = SharedEngine(
        TransformersEngine(policy, processor, seed=7), devices, processor, decodes_with=policy
    )
    ways = [
        Decoding(num_samples=2, temperature=1.0, top_p=1.0, stream="a"),
        Decoding(num_samples=1, temperature=0.01, top_p=0.001, stream="b"),
    ]
    answers = engine.generate(prompts, ways, rl_step=3, max_tokens=12)
    judge = SharedJudge(Oracle() if devices.is_first else None, devices)  # type: ignore[arg-type]
    pairs = [(text, "1") for part in answers for text in part.texts]
    found = {
        "texts": [part.texts for part in answers],
        "tokens": [part.tokens[part.response_mask].tolist() for part in answers],
        "finished": [part.is_finished.tolist() for part in answers],
        "verdicts": [verdict.is_correct for verdict in judge.verdicts(pairs)],
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    devices.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
