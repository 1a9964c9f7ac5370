"""Engine and judge of several devices: each looks like that of a single one."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict

import torch
from torch import Tensor, nn

from worker.generation.engine import Decoding, Engine
from worker.modeling.loading import Processor
from worker.parallel.devices import Devices
from worker.parallel.sharding import gathered
from worker.rewards.extra import ExtraValues
from worker.rewards.judge import Judge, Verdict
from worker.tensors.batches import Prompts, Responses


class SharedEngine:
    """Every device answers its part of the prompts; all of them get all responses."""

    def __init__(
        self,
        engine: Engine,
        devices: Devices,
        processor: Processor,
        *,
        decodes_with: nn.Module | None,
    ) -> None:
        """Share an engine's work.

        Args:
            engine: This device's own.
            devices: All devices.
            processor: Tokenizer and special tokens.
            decodes_with: The sharded model that the engine decodes with; None when the engine has
                weights of its own.
        """
        self._engine = engine
        self._devices = devices
        self._processor = processor
        self._decodes_with = decodes_with

    def load_weights(self, policy: nn.Module) -> None:
        """Answer with these weights from now on; all devices together."""
        with gathered(policy):
            self._engine.load_weights(policy)  # pyright: ignore[reportArgumentType]

    def generate(
        self, prompts: Prompts, decodings: Sequence[Decoding], *, rl_step: int, max_tokens: int
    ) -> list[Responses]:
        """Answer all prompts in each way of decoding (see the protocol)."""
        mine = list(self._devices.share(len(prompts)))
        model = self._decodes_with
        with nullcontext() if model is None else gathered(model):
            parts: Sequence[Responses | None] = [None] * len(decodings)
            if mine:
                parts = self._engine.generate(
                    prompts.select(mine), decodings, rl_step=rl_step, max_tokens=max_tokens
                )
        return [self._join(part) for part in parts]

    def _join(self, part: Responses | None) -> Responses:
        """Responses of all devices, prompt by prompt."""
        device, pad = self._devices.device, self._processor.pad_token_id
        if part is None:
            empty = torch.empty(0, 1, device=device)
            part = Responses(
                tokens=empty.long(),
                response_mask=empty.bool(),
                rollout_logprobs=empty,
                is_finished=empty.bool().squeeze(1),
                texts=(),
            )
        mask = self._gather(part.response_mask.int(), 0).bool()
        tokens = self._gather(part.tokens, pad)
        return Responses(
            tokens=tokens,
            response_mask=mask,
            rollout_logprobs=self._gather(part.rollout_logprobs, 0.0),
            is_finished=self._gather(part.is_finished.int().unsqueeze(1), 0).squeeze(1).bool(),
            texts=tuple(
                self._processor.tokenizer.decode(row[kept].tolist(), skip_special_tokens=True)
                for row, kept in zip(tokens, mask, strict=True)
            ),
        )

    def _gather(self, rows: Tensor, fill: float) -> Tensor:
        return self._devices.gather_rows(rows, "the responses of all devices", fill=fill)


class SharedJudge:
    """The first device judges, the others hear it: a judgement that hangs cannot part them."""

    def __init__(self, judge: Judge | None, devices: Devices) -> None:
        """Share a judge's verdicts.

        Args:
            judge: Of the first device; None on the others.
            devices: All devices.
        """
        self._judge = judge
        self.devices = devices
        """All devices."""

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        """Verdicts on pairs of response and gold answer, in their order, on every device."""
        found = [] if self._judge is None else self._judge.verdicts(responses)
        told = self.devices.tell([asdict(verdict) for verdict in found], "the verdicts")
        return [Verdict(**fields) for fields in told]

    def extra_values(self, responses: Sequence[tuple[str, str]]) -> list[ExtraValues]:
        """Values of the extra rewards, in the order of the responses, on every device."""
        found = [] if self._judge is None else self._judge.extra_values(responses)
        return self.devices.tell(found, "the extra rewards")
