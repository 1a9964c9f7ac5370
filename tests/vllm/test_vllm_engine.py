"""vLLM answers as the trainer would, before and after updates, with pictures and without."""

from dataclasses import replace

import pytest
import torch
from torch.optim import AdamW

from backend.contract.config import LoraConfig, TrainedPartsConfig
from backend.contract.errors import TrainingError
from tests.vllm.conftest import (
    FOUR,
    GREEDY,
    assert_agrees,
    config,
    largest_difference,
    make_prompts,
)
from worker.modeling.forward import response_logits
from worker.modeling.freezing import freeze_parts
from worker.modeling.lora import add_adapters
from worker.rl.parity_gate import pass_gate
from worker.rl.trajectory_generation import Models
from worker.tensors.logprobs import processed_logits, token_logprobs


def optimizer_step(policy, processor, prompts, responses, *, rate: float) -> None:
    """A real update: raise the probability of the engine's own responses."""
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    optimizer = AdamW(trained, lr=rate)
    logits = response_logits(policy, prompts, responses.tokens, responses.response_mask)
    processed = processed_logits(logits, 1.0, processor.banned_token_ids)
    (-token_logprobs(processed, responses.tokens)[responses.response_mask].mean()).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def test_greedy_tokens_and_probabilities_are_the_trainers(engine, policy, processor):
    assert_agrees(engine, policy, processor, make_prompts(policy, processor))


def test_they_are_after_an_update_of_the_language_model(engine, policy, processor):
    freeze_parts(policy, TrainedPartsConfig())
    prompts = make_prompts(policy, processor)
    [before] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    optimizer_step(policy, processor, prompts, before, rate=0.02)
    engine.load_weights(policy)
    assert_agrees(engine, policy, processor, prompts)
    [after] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    assert all(new != old for new, old in zip(after.texts, before.texts, strict=True))


def test_the_same_picture_is_read_anew_after_an_update_of_the_vision_tower(
    engine, policy, processor
):
    parts = TrainedPartsConfig(
        vision_tower=True, connector=True, language_model=False, lm_head=False
    )
    freeze_parts(policy, parts)
    prompts = make_prompts(policy, processor)
    [before] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    optimizer_step(policy, processor, prompts, before, rate=0.02)
    engine.load_weights(policy)
    assert_agrees(engine, policy, processor, make_prompts(policy, processor))
    [after] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    changed = [new != old for new, old in zip(after.texts, before.texts, strict=True)]
    assert changed == [source.image is not None for source in prompts.sources]


def test_keys_and_values_of_the_old_weights_are_forgotten(engine, policy, processor):
    freeze_parts(policy, TrainedPartsConfig())
    prompts = make_prompts(policy, processor, sizes=((280, 280),))
    # vLLM keeps whole blocks only: a shorter prompt would never be found again.
    block = engine._llm.llm_engine.vllm_config.cache_config.block_size
    assert prompts.input_ids.shape[1] > block
    [before] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    optimizer_step(policy, processor, prompts, before, rate=0.02)
    engine.load_weights(policy)
    assert_agrees(engine, policy, processor, prompts)


def test_adapters_answer_as_the_weights_that_they_make(engine, policy, processor):
    add_adapters(policy, LoraConfig(rank=4, target_modules=("q_proj", "down_proj")), seed=0)
    prompts = make_prompts(policy, processor)
    [before] = engine.generate(prompts, [GREEDY], rl_step=1, max_tokens=16)
    for _ in range(2):
        optimizer_step(policy, processor, prompts, before, rate=0.02)
    engine.load_weights(policy)
    assert_agrees(engine, policy, processor, prompts)


def test_a_group_is_one_request_and_each_sample_differs(engine, policy, processor, monkeypatch):
    prompts = make_prompts(policy, processor)
    seen = []
    generate = engine._llm.generate

    def count(requests, params, **kwargs):
        seen.append((len(requests), {p.n for p in params}))
        return generate(requests, params, **kwargs)

    monkeypatch.setattr(engine._llm, "generate", count)
    [responses] = engine.generate(prompts, [FOUR], rl_step=1, max_tokens=12)
    assert seen == [(len(prompts), {4})]
    for row in range(0, len(responses.texts), 4):
        assert len(set(responses.texts[row : row + 4])) == 4


def test_responses_follow_from_seed_step_purpose_and_prompt_alone(engine, policy, processor):
    prompts = make_prompts(policy, processor)
    [first] = engine.generate(prompts, [FOUR], rl_step=5, max_tokens=12)
    _, again = engine.generate(prompts, [GREEDY, FOUR], rl_step=5, max_tokens=12)
    [alone] = engine.generate(prompts.select([2]), [FOUR], rl_step=5, max_tokens=12)
    [later] = engine.generate(prompts, [FOUR], rl_step=6, max_tokens=12)
    other = replace(FOUR, stream="evaluation")
    [purpose] = engine.generate(prompts, [other], rl_step=5, max_tokens=12)
    assert first.texts == again.texts
    assert first.texts[8:12] == alone.texts
    for different in (later, purpose):
        assert not set(first.texts) & set(different.texts)


def test_vision_tokens_are_never_sampled_even_when_the_model_wants_nothing_else(
    engine, policy, processor
):
    banned = list(processor.banned_token_ids)
    with torch.no_grad():
        policy.get_input_embeddings().weight[banned] *= 50
    engine.load_weights(policy)
    prompts = make_prompts(policy, processor)
    [responses] = engine.generate(prompts, [FOUR], rl_step=1, max_tokens=16)
    wanted = response_logits(
        policy,
        prompts.select([row for row in range(len(prompts)) for _ in range(4)]),
        responses.tokens,
        responses.response_mask,
    ).argmax(-1)
    assert torch.isin(wanted, torch.tensor(banned)).any()
    assert not torch.isin(responses.tokens, torch.tensor(banned)).any()
    assert largest_difference(policy, processor, prompts, responses) < 1e-3


def test_the_end_of_text_ends_a_response_and_belongs_to_it(engine, policy, processor):
    ends = torch.tensor(processor.end_token_ids)
    with torch.no_grad():
        policy.get_input_embeddings().weight[ends] *= 3
    engine.load_weights(policy)
    prompts = make_prompts(policy, processor)
    [responses] = engine.generate(prompts, [FOUR], rl_step=1, max_tokens=64)
    assert responses.is_finished.any()
    last = responses.num_tokens - 1
    last_tokens = responses.tokens.gather(1, last.unsqueeze(1)).squeeze(1)
    assert torch.isin(last_tokens, ends).equal(responses.is_finished)
    assert largest_difference(policy, processor, prompts, responses) < 1e-3


def test_a_prompt_whose_visual_tokens_are_expanded_already_is_refused(engine, policy, processor):
    prompts = make_prompts(policy, processor)
    source = replace(prompts.sources[0], token_ids=tuple(prompts.select([0]).input_ids[0].tolist()))
    twice = replace(prompts.select([0]), sources=(source,))
    with pytest.raises(TrainingError, match=r"problem p0: vllm read .* expanded twice"):
        engine.generate(twice, [GREEDY], rl_step=1, max_tokens=4)


def test_the_gate_lets_the_right_weights_pass_and_refuses_others(engine, policy, processor):
    models = Models(policy=policy, reference=None, processor=processor)
    prompts = make_prompts(policy, processor)
    assert pass_gate(engine, models, prompts, config(), rl_step=0) < 1e-3
    with torch.no_grad():
        for parameter in policy.get_submodule("model.language_model").parameters():
            parameter.mul_(1.1)
    with pytest.raises(TrainingError, match=r"engine vllm and trainer disagree.*stale weights"):
        pass_gate(engine, models, prompts, config(), rl_step=0)
