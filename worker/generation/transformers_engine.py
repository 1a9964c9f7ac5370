"""An engine that decodes with the policy's own transformers modules and a key-value cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from worker.generation.attention import StepMasks, grouped_attention
from worker.generation.cache import DecodingCache
from worker.generation.decoder_step import DecoderStep, is_llama_like
from worker.generation.engine import Decoding
from worker.generation.sampling import sample_tokens, uniform_stream
from worker.modeling.forward import decode, prefill
from worker.modeling.loading import Processor
from worker.modeling.precision import autocast
from worker.tensors.batches import Prompts, Responses
from worker.tensors.logprobs import processed_logits, token_logprobs

_Step = Callable[[Tensor, Any, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """How each row of a decoding batch is sampled."""

    prompt_index: Tensor
    """[B] positions among the prompts."""
    temperature: Tensor
    """[B, 1]."""
    top_p: Tensor
    """[B]."""
    uniform: Tensor
    """[B, max_tokens] numbers of each row's own stream."""

    def keep(self, rows: Tensor) -> "_Rows":
        """These rows, in this order."""
        return _Rows(
            prompt_index=self.prompt_index[rows],
            temperature=self.temperature[rows],
            top_p=self.top_p[rows],
            uniform=self.uniform[rows],
        )


class TransformersEngine:
    """Samples with the policy itself: no copy of the weights, no drift but rounding.

    Every prompt is read once, however many responses it gets. A row that has ended leaves the
    batch at once, so that a long response does not hold up the others, and what is kept of the
    past stays where it lies (`DecodingCache`).
    """

    def __init__(
        self,
        policy: PreTrainedModel,
        processor: Processor,
        *,
        seed: int,
        precision: Literal["float32", "bfloat16"] = "float32",
        max_rows: int = 640,
    ) -> None:
        """Build an engine.

        Args:
            policy: Model to decode with.
            processor: Its tokenizer and special tokens.
            seed: The run's seed, part of every response's random stream.
            precision: Arithmetic of forward passes.
            max_rows: Responses decoded at a time; bounds the cache's memory.
        """
        self._policy = policy
        self._tokenizer = processor.tokenizer
        self._banned = processor.banned_token_ids
        self._pad = processor.pad_token_id
        self._ends = processor.end_token_ids
        self._seed = seed
        self._precision: Literal["float32", "bfloat16"] = precision
        self._max_rows = max_rows

    def load_weights(self, policy: PreTrainedModel) -> None:
        """Answer with this policy from now on."""
        self._policy = policy

    @torch.no_grad()
    def generate(
        self, prompts: Prompts, decodings: Sequence[Decoding], *, rl_step: int, max_tokens: int
    ) -> list[Responses]:
        """Answer all prompts in each way of decoding (see the protocol)."""
        per_prompt = sum(decoding.num_samples for decoding in decodings)
        chunk = max(1, self._max_rows // per_prompt)
        device = prompts.input_ids.device
        tokens = torch.full((len(prompts) * per_prompt, max_tokens), self._pad, device=device)
        logprobs = torch.zeros(tokens.shape, device=device)
        for start in range(0, len(prompts), chunk):
            indices = list(range(start, min(start + chunk, len(prompts))))
            rows = self._rows(prompts, indices, decodings, rl_step, max_tokens)
            with autocast(device, self._precision):
                part_tokens, part_logprobs = self._decode(prompts.select(indices), rows)
            span = slice(start * per_prompt, start * per_prompt + len(rows.prompt_index))
            tokens[span], logprobs[span] = part_tokens, part_logprobs
        return self._split(tokens, logprobs, decodings, len(prompts))

    def _rows(
        self,
        prompts: Prompts,
        indices: Sequence[int],
        decodings: Sequence[Decoding],
        rl_step: int,
        max_tokens: int,
    ) -> _Rows:
        device = prompts.input_ids.device
        plan = [
            (position, prompts.keys[index], sample, decoding)
            for position, index in enumerate(indices)
            for decoding in decodings
            for sample in range(decoding.num_samples)
        ]
        streams = [
            uniform_stream((self._seed, rl_step, decoding.stream, key, sample), max_tokens)
            for _, key, sample, decoding in plan
        ]
        return _Rows(
            prompt_index=torch.tensor([position for position, *_ in plan], device=device),
            temperature=torch.tensor([[d.temperature] for *_, d in plan], device=device),
            top_p=torch.tensor([d.top_p for *_, d in plan], device=device),
            uniform=torch.stack(streams).to(device),
        )

    def _decode(self, prompts: Prompts, rows: _Rows) -> tuple[Tensor, Tensor]:
        device = prompts.input_ids.device
        num_rows, max_tokens = rows.uniform.shape
        tokens = torch.full((num_rows, max_tokens), self._pad, device=device)
        logprobs = torch.zeros(num_rows, max_tokens, device=device)
        ends = torch.tensor(self._ends, device=device)

        text_config = self._policy.config.get_text_config()
        cache = DecodingCache(text_config)
        logits = prefill(self._policy, prompts, cache)
        cache.spread(rows.prompt_index)
        masks = StepMasks(prompts.attention_mask[rows.prompt_index], max_tokens, text_config)
        logits, position = logits[rows.prompt_index], prompts.next_position[rows.prompt_index]
        running = torch.arange(num_rows, device=device)
        step = self._step(cache, int(position.max()) + max_tokens)

        with grouped_attention(text_config):
            for index in range(max_tokens):
                processed = processed_logits(logits, 1.0, self._banned) / rows.temperature
                drawn = sample_tokens(processed, rows.uniform[:, index], rows.top_p)
                tokens[running, index] = drawn
                logprobs[running, index] = token_logprobs(processed, drawn)
                going = ~torch.isin(drawn, ends)
                if index + 1 == max_tokens or not going.any():
                    break
                if not going.all():
                    kept = _close_gaps(going, cache)
                    drawn, position, running = drawn[kept], position[kept], running[kept]
                    rows = rows.keep(kept)
                    masks.keep(kept)
                logits = step(drawn, masks.at(index), position + index)
        return tokens, logprobs

    def _step(self, cache: DecodingCache, num_positions: int) -> _Step:
        """What reads one token a row: tokens, masks and positions to logits."""
        if is_llama_like(self._policy):
            return DecoderStep(self._policy, cache, num_positions)
        return lambda tokens, masks, positions: decode(
            self._policy, tokens, masks, positions, cache
        )

    def _split(
        self, tokens: Tensor, logprobs: Tensor, decodings: Sequence[Decoding], num_prompts: int
    ) -> list[Responses]:
        per_prompt = sum(decoding.num_samples for decoding in decodings)
        tokens = tokens.view(num_prompts, per_prompt, -1)
        logprobs = logprobs.view(num_prompts, per_prompt, -1)
        parts, start = [], 0
        for decoding in decodings:
            stop = start + decoding.num_samples
            parts.append(
                build_responses(
                    tokens[:, start:stop].flatten(0, 1),
                    logprobs[:, start:stop].flatten(0, 1),
                    end_token_ids=self._ends,
                    tokenizer=self._tokenizer,
                )
            )
            start = stop
        return parts


def _close_gaps(going: Tensor, cache: DecodingCache) -> Tensor:
    """Drop ended rows from the cache: the last rows that go on take the places of ended ones.

    Args:
        going: [B] True on rows that go on.
        cache: Of the B rows.

    Returns:
        [B'] the row that now stands in each place.
    """
    num_going = int(going.sum())
    targets = (~going[:num_going]).nonzero().squeeze(1)
    sources = going[num_going:].nonzero().squeeze(1) + num_going
    cache.move(sources, targets, num_going)
    kept = torch.arange(num_going, device=going.device)
    kept[targets] = sources
    return kept


def build_responses(
    tokens: Tensor,
    logprobs: Tensor,
    *,
    end_token_ids: Sequence[int],
    tokenizer: Any,
) -> Responses:
    """Responses of raw rows: everything after the first end-of-text is padding.

    Args:
        tokens: [B, R] sampled tokens, anything after the first end-of-text.
        logprobs: [B, R] their log-probabilities.
        end_token_ids: Each of them ends a response and belongs to it.
        tokenizer: PreTrainedTokenizerBase, for the texts.
    """
    is_end = torch.isin(tokens, torch.tensor(list(end_token_ids), device=tokens.device))
    ends_before = is_end.long().cumsum(dim=1) - is_end.long()
    mask = ends_before == 0
    width = int(mask.sum(dim=1).max())
    tokens, mask, logprobs = tokens[:, :width], mask[:, :width], logprobs[:, :width]
    texts = [
        tokenizer.decode(row[row_mask].tolist(), skip_special_tokens=True)
        for row, row_mask in zip(tokens, mask, strict=True)
    ]
    return Responses(
        tokens=tokens,
        response_mask=mask,
        rollout_logprobs=logprobs * mask,
        is_finished=is_end.any(dim=1),
        texts=tuple(texts),
    )
