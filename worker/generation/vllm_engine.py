"""An engine that decodes with vLLM, in the trainer's process and with weights of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from backend.contract.errors import TrainingError
from worker.generation.engine import Decoding
from worker.generation.sampling import stream_key
from worker.generation.transformers_engine import build_responses
from worker.generation.vllm_start import (
    Start,
    engine_device,
    require_vllm,
    share_image_processor,
    start_vllm,
)
from worker.generation.weight_updates import changed_weights
from worker.modeling.loading import Processor
from worker.tensors.batches import Prompts, PromptSource, Responses

SEED_BITS = 62
"""vLLM's seeds are signed; it adds the sample's number to the seed of a request."""


class VllmEngine:
    """Samples with vLLM: pictures are read by its own vision tower, groups are one request.

    On the trainer's GPU (colocated) it sleeps while the policy is trained: weights lie in the
    host's memory, the key-value cache is given back. With a GPU of its own it stays awake.
    """

    def __init__(self, processor: Processor, start: Start) -> None:
        """Start vLLM with the weights of the model's folder.

        Args:
            processor: The model's tokenizer and special tokens.
            start: What vLLM is started with.

        Raises:
            TrainingError: vllm is not installed, or refuses the model or the settings.
        """
        self._vllm = require_vllm()
        self._processor = processor
        self._seed = start.seed
        self._max_tokens = start.max_tokens
        self._device = engine_device(start.cfg, start.device)
        self._sleeps = self._device.type == "cuda" and start.cfg.placement == "colocated"
        self._asleep: set[str] = set()
        with self._on_device():
            self._llm = start_vllm(start, self._device)
            share_image_processor(self._llm, processor.image_processor)
            self._sleep()

    def load_weights(self, policy: PreTrainedModel) -> None:
        """Answer with this policy's trained weights from now on.

        Only they are sent, in place; what was computed with the old ones is forgotten: keys and
        values, and encoded pictures.
        """
        with self._on_device():
            self._wake("weights")
            self._llm.collective_rpc("take_weights", args=(changed_weights(policy),))
            self._llm.llm_engine.reset_mm_cache()
            self._llm.llm_engine.reset_encoder_cache()
            if not self._llm.reset_prefix_cache():
                raise TrainingError("vllm kept keys and values of the weights before the update")

    def generate(
        self, prompts: Prompts, decodings: Sequence[Decoding], *, rl_step: int, max_tokens: int
    ) -> list[Responses]:
        """Answer all prompts in each way of decoding (see the protocol).

        Raises:
            TrainingError: vLLM read another prompt than the trainer, or did not answer one.
        """
        requests = [request_of(source) for source in prompts.sources]
        params = [
            [self._sampling_params(key, decoding, rl_step, max_tokens) for key in prompts.keys]
            for decoding in decodings
        ]
        with self._on_device():
            self._wake("weights", "kv_cache")
            outputs = self._llm.generate(
                requests * len(decodings), [p for part in params for p in part], use_tqdm=False
            )
            self._sleep()
        size = len(prompts)
        parts = [outputs[i * size : (i + 1) * size] for i in range(len(decodings))]
        return [self._responses(prompts, part, max_tokens) for part in parts]

    def _sampling_params(self, key: str, decoding: Decoding, rl_step: int, max_tokens: int) -> Any:
        name = (self._seed, rl_step, decoding.stream, key)
        return self._vllm.SamplingParams(
            n=decoding.num_samples,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            seed=stream_key(name) >> (128 - SEED_BITS),
            max_tokens=max_tokens,
            stop_token_ids=list(self._processor.end_token_ids),
            ignore_eos=True,
            logit_bias={token: float("-inf") for token in self._processor.banned_token_ids},
            logprobs=0,
            flat_logprobs=True,
            detokenize=False,
        )

    def _responses(self, prompts: Prompts, outputs: Sequence[Any], max_tokens: int) -> Responses:
        for row, output in enumerate(outputs):
            self._check_prompt(prompts, row, output.prompt_token_ids)
        answers = [answer for output in outputs for answer in output.outputs]
        tokens = torch.full((len(answers), max_tokens), self._processor.pad_token_id)
        logprobs = torch.zeros(tokens.shape)
        for row, answer in enumerate(answers):
            count = len(answer.token_ids)
            if answer.finish_reason != "stop" and count != max_tokens:
                raise TrainingError(
                    f"vllm gave up a response after {count} of {max_tokens} tokens: "
                    f"{answer.finish_reason}"
                )
            tokens[row, :count] = torch.tensor(answer.token_ids)
            logprobs[row, :count] = torch.tensor(answer.logprobs.logprobs)
        device = prompts.input_ids.device
        return build_responses(
            tokens.to(device),
            logprobs.to(device),
            end_token_ids=self._processor.end_token_ids,
            tokenizer=self._processor.tokenizer,
        )

    def _check_prompt(self, prompts: Prompts, row: int, read: Sequence[int]) -> None:
        """Engine and trainer must read the same prompt, visual tokens included."""
        expected = prompts.input_ids[row][prompts.attention_mask[row]].tolist()
        if list(read) != expected:
            visual = self._processor.image_token_id
            raise TrainingError(
                f"problem {prompts.keys[row]}: vllm read {len(read)} prompt tokens of which "
                f"{sum(token == visual for token in read)} visual, the trainer {len(expected)} of "
                f"which {sum(token == visual for token in expected)} visual: their image "
                "processors differ, or a placeholder was expanded twice"
            )

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Keep the trainer's GPU the current one: vLLM sets its own."""
        if self._device.type != "cuda":
            yield
            return
        with torch.cuda.device(self._device):
            yield

    def _sleep(self) -> None:
        """Give the GPU's memory to the trainer."""
        if self._sleeps:
            # Level 1 keeps the weights in the host's memory: frozen ones are never sent again.
            self._llm.sleep(level=1)
            self._asleep = {"weights", "kv_cache"}

    def _wake(self, *parts: str) -> None:
        """Take back memory for these parts; waking what is awake would map it twice."""
        wanted = [part for part in parts if part in self._asleep]
        if wanted:
            self._llm.wake_up(tags=wanted)
            self._asleep -= set(wanted)


def request_of(source: PromptSource) -> dict[str, Any]:
    """A prompt as vLLM takes it: it puts the visual tokens in by itself."""
    request: dict[str, Any] = {"prompt_token_ids": list(source.token_ids)}
    image = source.image  # opened anew each time it is asked for
    if image is not None:
        request["multi_modal_data"] = {"image": image}
    return request
