"""Several problems in one row, none of which sees another; or one problem a row, padded."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.contract.errors import ModelInvalidError
from worker.modeling.families import family_of
from worker.modeling.forward import Hidden, response_hidden, sequence_hidden, sequence_inputs
from worker.sft.targets import Batch
from worker.tensors.micro_batches import micro_batches

Row = list[int]
"""The problems that share a row, by their number in the batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """What a forward pass predicts of N target tokens, in any order."""

    states: Tensor
    """[N, H] final hidden states, each of which predicts a target token."""
    tokens: Tensor
    """[N] the target tokens."""
    head: Hidden
    """The output projection."""


def check_packing(policy: PreTrainedModel) -> None:
    """Refuse families whose attention is more than causal: packing would change what they see.

    Raises:
        ModelInvalidError: names the family and the reason.
    """
    vision = family_of(policy).vision
    kinds = set(policy.config.get_text_config().to_dict().get("layer_types") or ())
    reason = None
    if vision is not None and vision.sees_whole_pictures:
        reason = "visual tokens of a picture attend to one another in both directions"
    elif kinds - {"full_attention"}:
        reason = f"it has layers of {', '.join(sorted(kinds - {'full_attention'}))}"
    if reason is not None:
        raise ModelInvalidError(
            f"supervised.packing must be false for {policy.config.model_type}: {reason}"
        )


def plan_rows(lengths: Sequence[int], max_tokens: int, *, is_packed: bool) -> list[list[Row]]:
    """Which problems share a row, and which rows a forward pass.

    Packed rows have room for twice the longest problem: longest first, each into the first row
    with room. Little is padding, and attention, which looks at whole rows, stays cheap.

    Args:
        lengths: Tokens of each problem.
        max_tokens: Largest padded size of a pass; a longer problem is a pass of its own.
        is_packed: Whether problems may share a row.

    >>> plan_rows([5, 2, 3, 4, 1], 20, is_packed=True)
    [[[0, 3, 4], [2, 1]]]
    >>> plan_rows([5, 2, 3], 10, is_packed=False)
    [[[1], [2]], [[0]]]
    """
    if not is_packed:
        return [[[index] for index in group] for group in micro_batches(lengths, max_tokens)]
    longest = max(lengths)
    capacity = max(longest, min(2 * longest, max_tokens))
    rows: list[Row] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        row = next((r for r, free in enumerate(room) if free >= lengths[index]), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(capacity)
        rows[row].append(index)
        room[row] -= lengths[index]
    per_pass = max(1, max_tokens // capacity)
    return [rows[start : start + per_pass] for start in range(0, len(rows), per_pass)]


def padded_size(rows: Sequence[Row], lengths: Sequence[int]) -> int:
    """Tokens of a pass, padding included."""
    return len(rows) * max(sum(lengths[index] for index in row) for row in rows)


def predict(policy: PreTrainedModel, batch: Batch, rows: Sequence[Row]) -> Predictions:
    """Pass some rows through the model."""
    if all(len(row) == 1 for row in rows):
        return _predict_padded(policy, batch, [row[0] for row in rows])
    return _predict_packed(policy, batch, rows)


def _predict_padded(policy: PreTrainedModel, batch: Batch, index: list[int]) -> Predictions:
    mask = batch.target_mask[index]
    width = int(mask.sum(dim=1).max())
    tokens, mask = batch.targets[index, :width], mask[:, :width]
    head = response_hidden(policy, batch.prompts.select(index), tokens, mask)
    return Predictions(states=head.states[mask], tokens=tokens[mask], head=head)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sequence:
    """One problem without padding."""

    tokens: Tensor
    """[L] of prompt and solution."""
    positions: Tensor
    """[axes, L] from the problem's own beginning."""
    is_target: Tensor
    """[L] True on the solution."""


def _sequence_of(batch: Batch, index: int) -> _Sequence:
    prompts, mask = batch.prompts, batch.prompts.attention_mask[index]
    target = batch.targets[index, batch.target_mask[index]]
    after = prompts.next_position[index] + torch.arange(len(target), device=target.device)
    before = prompts.position_ids[:, index, mask]
    return _Sequence(
        tokens=torch.cat([prompts.input_ids[index, mask], target]),
        positions=torch.cat([before, after.expand(len(before), -1)], dim=1),
        is_target=torch.cat([torch.zeros_like(mask[mask]), torch.ones_like(target).bool()]),
    )


def _predict_packed(policy: PreTrainedModel, batch: Batch, rows: Sequence[Row]) -> Predictions:
    """Rows of several problems: positions begin anew at each, attention stays within each."""
    sequences = [[_sequence_of(batch, index) for index in row] for row in rows]
    length = max(sum(len(s.tokens) for s in row) for row in sequences)
    device, axes = batch.targets.device, len(batch.prompts.position_ids)
    tokens = torch.full((len(rows), length), batch.pad_token_id, device=device)
    positions = torch.zeros(axes, len(rows), length, dtype=torch.long, device=device)
    is_target = torch.zeros(len(rows), length, dtype=torch.bool, device=device)
    # Padding is a problem of its own, number 0, so that no row of attention is empty.
    problem = torch.zeros(len(rows), length, dtype=torch.long, device=device)
    for number, row in enumerate(sequences):
        start = 0
        for place, sequence in enumerate(row, start=1):
            span = slice(start, start + len(sequence.tokens))
            tokens[number, span] = sequence.tokens
            positions[:, number, span] = sequence.positions
            is_target[number, span] = sequence.is_target
            problem[number, span] = place
            start = span.stop
    same = problem.unsqueeze(2) == problem.unsqueeze(1)
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    pictures = [batch.prompts.pictures[index] for row in rows for index in row]
    inputs = sequence_inputs(policy, tokens, (same & causal).unsqueeze(1), positions, pictures)
    head = sequence_hidden(policy, inputs, slice(None, -1))
    predicts = is_target[:, 1:]
    return Predictions(states=head.states[predicts], tokens=tokens[:, 1:][predicts], head=head)
