"""The trace of a step: what the four steps made of chosen responses, for reading in the browser.

A trace is one file (`backend/contract/traces.py`), written aside and renamed, so that it is whole
or absent. It takes part in no computation: a traced run equals an untraced one. An attempt that
makes a step again writes the trace of that step again and removes those of earlier attempts.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from backend.contract.artifacts import RunFolder
from backend.contract.config import RLConfig
from backend.contract.traces import (
    METADATA_KEY,
    OFFSETS,
    PIECES,
    TENSORS,
    Grid,
    RewardPart,
    StepTrace,
    TracedEntry,
    TracedImage,
    TracedSample,
    TracedUpdate,
)
from worker.modeling.loading import Processor
from worker.rewards.scoring import part_weights
from worker.rl.trace_loss import advantages_before_normalisation
from worker.rl.types import RowTerms, Scores, Trajectory, UpdateStats
from worker.tensors.batches import Prompts

DTYPES = {"I32": torch.int32, "F32": torch.float32, "U8": torch.uint8}


@dataclass(kw_only=True)
class Observed:
    """What the updates of one RL step did to the traced responses."""

    samples: tuple[int, ...]
    """Numbers of the traced responses; none where the step is not traced."""
    rows: dict[int, list[int]] = field(default_factory=dict)
    """Update to the numbers of all its responses."""
    entries: list[TracedEntry] = field(default_factory=list)
    """What every row of the columns belongs to."""
    columns: dict[str, list[Tensor]] = field(default_factory=dict)
    """Tensor's name to its row for every entry, [R] each, padding included."""

    def on_rows(self, update_index: int, rows: Sequence[int], terms: RowTerms) -> None:
        """Keep what one micro-batch computed."""
        self.rows.setdefault(update_index, []).extend(rows)
        tensors = {
            "update_logprobs": terms.logprobs,
            "ratio": terms.ratio,
            "is_clipped": terms.is_clipped,
            "surrogate_loss": terms.surrogate_loss,
            "kl_loss": terms.kl_loss,
        }
        for place, row in enumerate(rows):
            if row in self.samples:
                entry = TracedEntry(
                    sample=self.samples.index(row),
                    update=update_index,
                    loss_weight=float(terms.loss_weights[place]),
                    kl_weight=float(terms.kl_weights[place]),
                )
                self.entries.append(entry)
                for name, tensor in tensors.items():
                    if tensor is not None:
                        self.columns.setdefault(name, []).append(tensor[place].detach().cpu())


class Tracer:
    """Decides which steps are traced, and writes them."""

    def __init__(
        self, cfg: RLConfig, processor: Processor, folder: RunFolder, *, fence: int
    ) -> None:
        """Nothing is traced unless `cfg.trace` says so.

        Args:
            cfg: The run's configuration.
            processor: For the texts of tokens.
            folder: Of the run.
            fence: The attempt.
        """
        self._cfg = cfg
        self._processor = processor
        self._folder = folder
        self._fence = fence

    def observe(self, rl_step: int) -> Observed:
        """What the step's updates report to; no responses where the step is not traced."""
        cfg = self._cfg.trace
        if cfg.every_rl_steps == 0 or (rl_step - 1) % cfg.every_rl_steps:
            return Observed(samples=())
        everything = range(self._cfg.algorithm.responses_per_rl_step)
        return Observed(samples=tuple(sorted(set(cfg.samples))) or tuple(everything))

    def save(
        self,
        observed: Observed,
        trajectory: Trajectory,
        stats: UpdateStats,
        *,
        rl_step: int,
        notice: Callable[[str], None],
    ) -> None:
        """Write the trace of a step that is traced, and drop those no longer kept.

        A disk that does not take it costs the run nothing else: `notice` is told, training goes on.
        """
        if not observed.samples:
            return
        tensors = build_tensors(observed, trajectory, stats.policy, self._cfg, self._processor)
        trace = StepTrace(
            rl_step=rl_step,
            fence=self._fence,
            num_responses=len(trajectory.rewards),
            algorithm=self._cfg.algorithm.model_dump(mode="json"),
            mismatch=self._cfg.mismatch.model_dump(mode="json"),
            loss=stats.loss,
            samples=tuple(
                describe_sample(row, trajectory, self._cfg, self._processor)
                for row in observed.samples
            ),
            updates=describe_updates(observed, trajectory, self._cfg),
            entries=tuple(observed.entries),
        )
        try:
            write_trace(self._folder.trace(rl_step, self._fence), trace, tensors)
        except (OSError, SafetensorError) as error:
            notice(f"the trace of step {rl_step} could not be written: {error}; training goes on")
            return
        remove_old(self._folder, rl_step, keep=self._cfg.trace.keep)


def build_tensors(
    observed: Observed,
    trajectory: Trajectory,
    policy: Scores,
    cfg: RLConfig,
    processor: Processor,
) -> dict[str, Tensor]:
    """All tensors of a trace, rows end to end."""
    prompts, responses = trajectory.prompts, trajectory.responses
    rows = list(observed.samples)
    is_prompt, is_response = prompts.attention_mask[rows], responses.response_mask[rows]
    response_columns = {
        "response_tokens": responses.tokens,
        "rollout_logprobs": responses.rollout_logprobs,
        "response_mask": trajectory.response_mask,
        "policy_logprobs": policy.logprobs,
        "reference_logprobs": trajectory.reference_logprobs,
        "entropy": policy.entropy,
        "token_rewards": trajectory.token_rewards,
        "returns": trajectory.returns,
        "raw_advantages": advantages_before_normalisation(trajectory, cfg.algorithm),
        "advantages": trajectory.advantages,
        "correction_weights": trajectory.importance_weights,
    }
    tensors = {
        "prompt_tokens": prompts.input_ids[rows][is_prompt],
        "prompt_positions": prompts.position_ids[:, rows][:, is_prompt],
        **{
            name: values[rows][is_response]
            for name, values in response_columns.items()
            if values is not None
        },
    }
    lengths = is_response.sum(dim=1).tolist()
    entry_lengths = [lengths[entry.sample] for entry in observed.entries]
    for name, columns in observed.columns.items():
        tensors[name] = torch.cat(
            [column[:length] for column, length in zip(columns, entry_lengths, strict=True)]
        )
    tensors = {
        name: values.to("cpu", DTYPES[TENSORS[name].dtype]).contiguous()
        for name, values in tensors.items()
    }
    for kind, counts in (
        ("prompt", is_prompt.sum(dim=1).tolist()),
        ("response", lengths),
        ("update", entry_lengths),
    ):
        tensors[OFFSETS[kind]] = _boundaries(counts)
    for kind in PIECES:
        tensors |= _pieces(kind, tensors[f"{kind}_tokens"], processor)
    return tensors


def _boundaries(counts: Sequence[int]) -> Tensor:
    """[rows + 1] where each row begins, and the end."""
    return torch.tensor([0, *counts], dtype=torch.int64).cumsum(0).to(torch.int32)


def _pieces(kind: str, tokens: Tensor, processor: Processor) -> dict[str, Tensor]:
    content_name, offsets_name = PIECES[kind]
    texts = [
        processor.tokenizer.decode([token], clean_up_tokenization_spaces=False).encode()
        for token in tokens.tolist()
    ]
    return {
        content_name: torch.tensor(list(b"".join(texts)), dtype=torch.uint8),
        offsets_name: _boundaries([len(text) for text in texts]),
    }


def describe_sample(
    row: int, trajectory: Trajectory, cfg: RLConfig, processor: Processor
) -> TracedSample:
    """What is known of a response besides tensors."""
    reward = trajectory.rewards[row]
    # The overlong penalty is no part that can be weighed: it is added as it is.
    weights = part_weights(cfg.reward) | {"overlong": 1.0}
    return TracedSample(
        index=row,
        item_id=trajectory.prompts.keys[row],
        image=locate_image(trajectory.prompts, row, processor),
        is_finished=bool(trajectory.responses.is_finished[row]),
        is_correct=reward.verdict.is_correct,
        reward_parts=tuple(
            RewardPart(name=name, value=value, weight=weights[name])
            for name, value in reward.parts.items()
        ),
        outcome=reward.outcome,
    )


def locate_image(prompts: Prompts, row: int, processor: Processor) -> TracedImage | None:
    """Where the picture of a prompt lies; positions count from the prompt's first token."""
    picture = prompts.pictures[row]
    if picture is None:
        return None
    tokens = prompts.input_ids[row][prompts.attention_mask[row]]
    places = (tokens == processor.image_token_id).nonzero().flatten().tolist()
    grid, merged = None, None
    if picture.grid is not None:
        time, height, width = picture.grid.flatten().tolist()
        side = round((time * height * width / len(places)) ** 0.5)
        grid = Grid(time=time, height=height, width=width)
        merged = Grid(time=time, height=height // side, width=width // side)
    return TracedImage(
        span_start=places[0],
        span_end=places[-1] + 1,
        num_tokens=len(places),
        patch_grid=grid,
        merged_grid=merged,
    )


def describe_updates(
    observed: Observed, trajectory: Trajectory, cfg: RLConfig
) -> tuple[TracedUpdate, ...]:
    """All updates of the step."""
    num_tokens = trajectory.responses.num_tokens
    per_pass = cfg.algorithm.updates_per_rl_step // cfg.algorithm.passes_per_rl_step
    return tuple(
        TracedUpdate(
            index=index,
            pass_index=index // per_pass,
            rows=tuple(sorted(rows)),
            num_tokens=int(num_tokens[rows].sum()),
        )
        for index, rows in sorted(observed.rows.items())
    )


def write_trace(path: Path, trace: StepTrace, tensors: dict[str, Tensor]) -> None:
    """Write a trace so that it is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={METADATA_KEY: trace.model_dump_json()})
        _sync(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_old(folder: RunFolder, rl_step: int, *, keep: int) -> None:
    """Remove earlier attempts' traces of a step, and all but the newest traced steps.

    Steps after this one are left over from an attempt that came further and died: the same run
    will make them again, equal, so they are as true as the others.
    """
    newest = folder.find_traces()
    kept = set(list(newest.values())[-keep:]) | {newest[rl_step]}
    for path in folder.traces.iterdir():
        if path not in kept:
            path.unlink()
