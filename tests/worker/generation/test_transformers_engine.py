"""The engine against the trainer, against transformers' own generation, and against itself."""

import pytest
import torch

from tests.worker.conftest import make_prompts
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine, build_responses
from worker.modeling.forward import response_logits
from worker.tensors.logprobs import processed_logits, token_logprobs

ROLLOUT = Decoding(num_samples=1, temperature=1.0, top_p=1.0, stream="rollout")


def engine(policy, processor, seed=0, max_rows=640):
    return TransformersEngine(policy, processor, seed=seed, max_rows=max_rows)


@pytest.mark.parametrize("with_images", [True, False])
def test_logprobs_of_the_engine_are_those_of_the_trainer(policy, processor, with_images):
    prompts = make_prompts(policy, processor, with_images=with_images)
    [responses] = engine(policy, processor).generate(prompts, [ROLLOUT], rl_step=1, max_tokens=12)
    with torch.no_grad():
        logits = response_logits(policy, prompts, responses.tokens, responses.response_mask)
    logprobs = token_logprobs(
        processed_logits(logits, 1.0, processor.banned_token_ids), responses.tokens
    )
    torch.testing.assert_close(
        logprobs * responses.response_mask, responses.rollout_logprobs, atol=2e-4, rtol=0
    )


def test_greedy_tokens_are_those_of_transformers_generate(policy, processor):
    greedy = Decoding(num_samples=1, temperature=0.01, top_p=0.001, stream="greedy")
    prompts = make_prompts(policy, processor)
    [ours] = engine(policy, processor).generate(prompts, [greedy], rl_step=0, max_tokens=10)
    for row in range(len(prompts)):
        one = prompts.select([row])
        theirs = (
            policy.generate(
                input_ids=one.input_ids,
                attention_mask=one.attention_mask,
                position_ids=one.position_ids,
                do_sample=False,
                max_new_tokens=10,
                suppress_tokens=list(processor.banned_token_ids),
                temperature=None,
                top_k=None,
            )
            if one.pictures[0] is None
            else _greedy_by_forward(policy, processor, one, 10)
        )
        theirs = theirs[0, one.input_ids.shape[1] :].tolist()
        length = int(ours.num_tokens[row])
        assert ours.tokens[row, :length].tolist() == theirs[:length]


def _greedy_by_forward(policy, processor, prompt, count):
    """Greedy decoding without a cache: the whole sequence is read anew for every token."""
    tokens = torch.zeros(1, 0, dtype=torch.long)
    for _ in range(count):
        padded = torch.cat([tokens, torch.zeros(1, 1, dtype=torch.long)], dim=1)
        with torch.no_grad():
            logits = response_logits(
                policy, prompt, padded, torch.ones_like(padded, dtype=torch.bool)
            )[:, -1]
        best = processed_logits(logits, 1.0, processor.banned_token_ids).argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, best], dim=1)
    return torch.cat([prompt.input_ids, tokens], dim=1)


def test_a_response_depends_on_seed_step_prompt_and_sample_alone(policy, processor):
    prompts = make_prompts(policy, processor)
    four = Decoding(num_samples=4, temperature=1.0, top_p=1.0, stream="rollout")
    [whole] = engine(policy, processor).generate(prompts, [four], rl_step=3, max_tokens=8)
    [small] = engine(policy, processor, max_rows=4).generate(
        prompts, [four], rl_step=3, max_tokens=8
    )
    [alone] = engine(policy, processor).generate(
        prompts.select([2]), [four], rl_step=3, max_tokens=8
    )
    assert whole.texts == small.texts
    assert whole.texts[8:] == alone.texts
    assert len(set(whole.texts[:4])) > 1
    [other_step] = engine(policy, processor).generate(prompts, [four], rl_step=4, max_tokens=8)
    [other_seed] = engine(policy, processor, seed=1).generate(
        prompts, [four], rl_step=3, max_tokens=8
    )
    assert whole.texts != other_step.texts
    assert whole.texts != other_seed.texts


def test_decodings_come_back_one_by_one_with_the_samples_of_a_prompt_together(policy, processor):
    prompts = make_prompts(policy, processor)
    greedy = Decoding(num_samples=2, temperature=0.01, top_p=0.001, stream="greedy")
    first, second = engine(policy, processor).generate(
        prompts, [ROLLOUT, greedy], rl_step=1, max_tokens=6
    )
    assert (len(first.texts), len(second.texts)) == (3, 6)
    assert second.texts[0] == second.texts[1]
    [alone] = engine(policy, processor).generate(prompts, [ROLLOUT], rl_step=1, max_tokens=6)
    assert alone.texts == first.texts


def test_vision_tokens_are_never_sampled_even_when_the_model_wants_nothing_else(policy, processor):
    with torch.no_grad():
        embedding = policy.get_input_embeddings().weight
        for token in processor.banned_token_ids:
            embedding[token] *= 50
    prompts = make_prompts(policy, processor)
    eight = Decoding(num_samples=8, temperature=1.0, top_p=1.0, stream="rollout")
    [responses] = engine(policy, processor).generate(prompts, [eight], rl_step=1, max_tokens=16)
    assert not torch.isin(responses.tokens, torch.tensor(processor.banned_token_ids)).any()


def test_both_end_tokens_end_a_response_and_count_as_its_last_token(processor):
    im_end, endoftext = processor.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    tokens = torch.tensor([[9, im_end, 9, 9], [9, 9, endoftext, 9], [9, 9, 9, 9]])
    responses = build_responses(
        tokens,
        torch.full((3, 4), -1.0),
        end_token_ids=processor.end_token_ids,
        tokenizer=processor.tokenizer,
    )
    assert responses.num_tokens.tolist() == [2, 3, 4]
    assert responses.is_finished.tolist() == [True, True, False]
    assert responses.rollout_logprobs.sum(1).tolist() == [-2.0, -3.0, -4.0]
