"""Peak memory and time of log-probabilities and their gradients, the whole way and in chunks.

Each way runs in a process of its own: `python -m tests.bench.logprobs whole 8192` prints its peak.
"""

import subprocess
import sys
import time
from pathlib import Path

import torch

from tests.bench.memory import available_gib, peak_gib
from tests.platform.living_platform import ROOT
from worker.tensors.logprobs import (
    Distribution,
    chunked_logprobs,
    processed_logits,
    token_logprobs,
)

VOCABULARY = 151_936
HIDDEN = 64
NUM_TOKENS = 8192
WAYS = ("whole", "chunked")
WHOLE_NEEDS_GIB = 20.5
"""Memory that must be free before the whole way is tried at `NUM_TOKENS`."""
BANNED = Distribution(temperature=1.0, banned_token_ids=(151_652, 151_653, 151_655, 151_656))


def peak_memory(way: str, num_tokens: int) -> tuple[float, float]:
    """Forward and backward pass of this process.

    Returns:
        Growth of the largest resident size in GiB, and seconds.
    """
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(num_tokens, HIDDEN, generator=generator).requires_grad_()
    weight = (0.1 * torch.randn(VOCABULARY, HIDDEN, generator=generator)).requires_grad_()
    tokens = torch.randint(VOCABULARY - 400, (num_tokens,), generator=generator)
    before = peak_gib()
    started = time.perf_counter()
    if way == "whole":
        logits = hidden @ weight.t()
        logits = processed_logits(logits, BANNED.temperature, BANNED.banned_token_ids)
        logprobs = token_logprobs(logits, tokens)
    else:
        logprobs, _ = chunked_logprobs(hidden, weight, tokens, BANNED)
    logprobs.sum().backward()
    seconds = time.perf_counter() - started
    return peak_gib() - before, seconds


def measure_alone(way: str, num_tokens: int) -> tuple[float, float]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.logprobs", way, str(num_tokens)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    peak, seconds = done.stdout.split()
    return float(peak), float(seconds)


def measure() -> dict[str, float]:
    """Peaks of both ways, at fewer tokens where the machine cannot hold the whole way."""
    num_tokens = NUM_TOKENS
    while available_gib() < WHOLE_NEEDS_GIB * num_tokens / NUM_TOKENS:
        num_tokens //= 2
    peaks = {way: measure_alone(way, num_tokens) for way in WAYS}
    return {
        "tokens": num_tokens,
        "vocabulary": VOCABULARY,
        "whole: peak GiB": peaks["whole"][0],
        "chunked: peak GiB": peaks["chunked"][0],
        "share of the peak": peaks["chunked"][0] / peaks["whole"][0],
        "whole: s": peaks["whole"][1],
        "chunked: s": peaks["chunked"][1],
    }


if __name__ == "__main__":
    # Should memory run out all the same, this process is the one to go.
    Path("/proc/self/oom_score_adj").write_text("1000")
    print(*peak_memory(sys.argv[1], int(sys.argv[2])))
