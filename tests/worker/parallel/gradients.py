"""Two devices, one with pictures and one without: their gradient must be a single device's.

python -m tests.worker.parallel.gradients MODEL_FOLDER {frozen|trained}
"""

import sys
from pathlib import Path

import torch

from backend.contract.config import ParallelConfig
from tests.worker.conftest import make_prompts
from worker.modeling.forward import response_logits
from worker.modeling.loading import load_policy, load_processor
from worker.parallel.devices import Devices
from worker.parallel.sharding import gathered, recomputed, shard, whole_tensor, zero_of
from worker.tensors.batches import Prompts

TOKENS = torch.tensor([[70, 71, 72], [73, 74, 75], [76, 77, 78]])
MASK = torch.ones_like(TOKENS, dtype=torch.bool)


def loss_of(policy, prompts: Prompts, rows: list[int]) -> torch.Tensor:
    """Sum over the rows of the log-sum-exp of their logits."""
    logits = response_logits(policy, prompts.select(rows), TOKENS[rows], MASK[rows])
    return logits.float().logsumexp(dim=-1).sum()


def main(folder: Path, is_vision_trained: bool) -> None:
    """Compare the gradients."""
    devices = Devices.join(ParallelConfig(devices=2), torch.device("cpu"))
    processor = load_processor(folder, None)
    whole, policy = (load_policy(folder, torch.device("cpu")) for _ in range(2))
    for model in (whole, policy):
        model.model.visual.requires_grad_(is_vision_trained)
    prompts = make_prompts(whole, processor)
    # The second row alone has no picture.
    rows = [0, 2] if devices.is_first else [1]
    shard(policy, devices, vision=[policy.model.visual], precision="float32")
    with torch.no_grad(), gathered(policy):
        for _ in range(1 + devices.rank):  # different numbers of passes send no messages
            inside = loss_of(policy, prompts, rows)
    assert torch.allclose(inside, loss_of(whole, prompts, rows)), "whole while gathered"
    with recomputed(policy, is_on=True):
        loss = loss_of(policy, prompts, rows)
        if is_vision_trained:
            loss = loss + zero_of([policy.model.visual])
        (loss * devices.count).backward()
    loss_of(whole, prompts, [0, 1, 2]).backward()
    expected = dict(whole.named_parameters())
    worst, largest = 0.0, 0.0
    for name, parameter in policy.named_parameters():
        theirs, ours = (p.grad for p in (expected[name], parameter))
        theirs = torch.zeros_like(expected[name]) if theirs is None else theirs
        ours = torch.zeros_like(theirs) if ours is None else whole_tensor(ours)
        worst = max(worst, float((ours - theirs).abs().max()))
        largest = max(largest, float(theirs.abs().max()))
    sys.stdout.write(f"worst {worst / largest:.2e}\n")
    sys.stdout.flush()
    devices.close()
    sys.exit(int(worst / largest > 1e-5))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "trained")
