"""The short decoding step against the model's own forward."""

import torch

from tests.worker.conftest import make_prompts
from worker.generation.attention import StepMasks, grouped_attention
from worker.generation.cache import DecodingCache
from worker.generation.decoder_step import DecoderStep, is_llama_like
from worker.modeling.forward import decode, prefill


@torch.no_grad()
def test_the_short_step_gives_the_logits_of_the_models_own_forward(policy, processor):
    prompts = make_prompts(policy, processor)
    config = policy.config.get_text_config()
    caches = [DecodingCache(config) for _ in range(2)]
    for cache in caches:
        prefill(policy, prompts, cache)
        cache.spread(torch.arange(len(prompts)))
    masks = StepMasks(prompts.attention_mask, 4, config)
    step = DecoderStep(policy, caches[0], int(prompts.next_position.max()) + 4)
    tokens = torch.tensor([20, 21, 22])
    with grouped_attention(config):
        for index in range(4):
            position = prompts.next_position + index
            mask = masks.at(index)
            assert isinstance(mask, torch.Tensor)
            ours = step(tokens, mask, position)
            theirs = decode(policy, tokens, mask, position, caches[1])
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
            tokens = theirs.argmax(dim=-1)
    assert config._attn_implementation == "sdpa"


def test_modules_that_are_not_plain_take_the_models_own_forward(policy):
    assert is_llama_like(policy)

    class Adapted(torch.nn.Linear):
        pass

    attention = policy.model.language_model.layers[0].self_attn
    attention.q_proj = Adapted(4, 4)
    assert not is_llama_like(policy)
