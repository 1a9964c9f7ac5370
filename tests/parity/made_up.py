"""One made-up RL step, and what it gives in Maye and in TRL: loss and gradient."""

from collections import defaultdict
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import torch
from accelerate.utils import set_seed
from torch import Tensor
from torch.nn import Identity
from torch.optim import AdamW
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer

from backend.contract.config import RLConfig
from worker.rewards.judge import Verdict
from worker.rewards.scoring import Reward
from worker.rl import policy_update, trajectory_generation
from worker.rl.aggregation import shuffled_parts
from worker.rl.trajectory_generation import Models
from worker.rl.types import Answers, Batch, Scores
from worker.tensors.batches import Responses

GROUP = 4
PROMPTS = 3
LONGEST = 12


@dataclass(frozen=True)
class Step:
    """Random responses; log-probabilities are drawn, so that no model is needed."""

    mask: Tensor
    rollout: Tensor
    old: Tensor
    current: Tensor
    reference: Tensor
    rewards: Tensor


def make_step(seed: int) -> Step:
    """Three groups of four responses of 1 to 10 tokens; the last group has equal rewards."""
    set_seed(seed)
    rows = PROMPTS * GROUP
    lengths = torch.randint(1, 11, (rows,))
    lengths[0] = 10
    mask = torch.arange(10) < lengths.unsqueeze(1)
    old = -3 * torch.rand(rows, 10)
    rewards = torch.randint(0, 2, (rows,)).float() + 0.1 * torch.rand(rows)
    rewards[-GROUP:] = 1.0
    return Step(
        mask=mask,
        rollout=(old + 0.6 * torch.randn(rows, 10)) * mask,
        old=old * mask,
        current=(old + 0.3 * torch.randn(rows, 10)) * mask,
        reference=(old + 0.3 * torch.randn(rows, 10)) * mask,
        rewards=rewards,
    )


@dataclass(frozen=True)
class Result:
    """What a step gives."""

    loss: float
    gradient: Tensor


def maye(step: Step, monkeypatch: Any, *, is_first_update: bool = False, **changes: Any) -> Result:
    """Steps III and IV as they are; only the forward pass is replaced by the drawn numbers.

    Args:
        step: The drawn numbers.
        monkeypatch: Of the test.
        is_first_update: The policy is still the one that answered; else `step.old` is.
        changes: Of the algorithm's configuration.
    """
    cfg = RLConfig.model_validate(
        {
            "model": "m",
            "dataset": "d",
            "sampling": {"max_response_tokens": LONGEST},
            "mismatch": changes.pop("mismatch", {}),
            "algorithm": {
                "responses_per_rl_step": PROMPTS * GROUP,
                "responses_per_update": PROMPTS * GROUP,
                "responses_per_prompt": GROUP,
                "tokens_per_micro_batch": 64,
                "kl_coefficient": 0.0,
                "dynamic_sampling": False,
                **changes,
            },
        }
    )
    policy, reference = Identity(), Identity()
    measured = {policy: step.old, reference: step.reference}
    theta = step.current.clone().requires_grad_()

    def measure(_: Any, model: Any, *__: Any) -> Scores:
        return Scores(logprobs=measured[model], entropy=torch.zeros_like(step.old))

    def score_rows(
        _: Any, __: Any, responses: Responses, rows: list[int], ___: Any
    ) -> tuple[Tensor, Tensor]:
        width = int(responses.num_tokens[rows].max())
        logprobs = theta[rows, :width] * step.mask[rows, :width]
        return logprobs, torch.zeros_like(logprobs)

    monkeypatch.setattr(trajectory_generation, "measure_together", measure)
    monkeypatch.setattr(policy_update, "score_rows", score_rows)
    models: Any = Models(
        policy=policy,  # pyright: ignore[reportArgumentType]
        reference=reference if cfg.algorithm.kl_coefficient else None,  # pyright: ignore[reportArgumentType]
        processor=SimpleNamespace(banned_token_ids=()),  # pyright: ignore[reportArgumentType]
    )
    trajectory = trajectory_generation.build(models, _answers(step), cfg)
    if not is_first_update:
        trajectory = replace(trajectory, policy=measure(None, policy))
    [part] = shuffled_parts(trajectory.responses.num_tokens, cfg, rl_step=1)
    optimizer = AdamW([theta])
    sums, _ = policy_update.compute_gradient(models, optimizer, trajectory, part, cfg)
    assert theta.grad is not None
    return Result(float(sums[-1]), theta.grad)


def _answers(step: Step) -> Answers:
    rows = len(step.rewards)
    verdict = Verdict(is_correct=False, extracted_answer=None)
    return Answers(
        batch=Batch(items=(), prompts=SimpleNamespace(attention_mask=torch.ones(rows, 2))),  # pyright: ignore[reportArgumentType]
        responses=Responses(
            tokens=torch.zeros(rows, 10, dtype=torch.long),
            response_mask=step.mask,
            rollout_logprobs=step.rollout,
            is_finished=torch.ones(rows, dtype=torch.bool),
            texts=("",) * rows,
        ),
        rewards=tuple(Reward({}, float(reward), verdict) for reward in step.rewards),
        responses_per_prompt=GROUP,
    )


class _OneProcess:
    """What the trainers ask of `accelerate.Accelerator`, for a single process."""

    device = torch.device("cpu")
    num_processes = 1
    process_index = 0
    is_main_process = True

    def gather(self, values: Tensor) -> Tensor:
        return values

    def reduce(self, values: Tensor, reduction: str) -> Tensor:
        assert reduction == "sum"
        return values


def trl(step: Step, trainer_class: type, **settings: Any) -> Result:
    """TRL's `_generate_and_score_completions` and `_compute_loss`, generation replaced.

    The trainer is made without `__init__`, which would load a model and a data set.
    """
    theta = step.current.clone().requires_grad_()
    model = SimpleNamespace(training=True, is_gradient_checkpointing=False)
    reference, current = SimpleNamespace(), SimpleNamespace()
    tables = {id(model): step.old, id(reference): step.reference, id(current): theta}
    trainer = trainer_class.__new__(trainer_class)
    settings = {"beta": 0.0, "epsilon_low": 0.2, "epsilon_high": 0.2, **settings}
    lengths = step.mask.sum(dim=1).tolist()
    rows = len(lengths)
    completions = [[1] * length for length in lengths]
    vars(trainer).update(
        model=model,
        ref_model=reference,
        accelerator=_OneProcess(),
        tools=[],
        environments=None,
        environment_factories=None,
        mask_truncated_completions=False,
        pad_to_multiple_of=None,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        loss_type="grpo",
        scale_rewards="group",
        multi_objective_aggregation="sum_then_normalize",
        normalize_advantages=False,
        reward_clip_range=None,
        num_generations=GROUP,
        num_iterations=2,
        current_gradient_accumulation_steps=1,
        max_completion_length=LONGEST,
        use_vllm=False,
        vllm_importance_sampling_correction=False,
        _entropy_bonus_enabled=False,
        log_multimodal=False,
        reward_func_names=["reward"],
        reward_weights=torch.ones(1),
        _metrics={"train": defaultdict(list)},
        _logs=defaultdict(list) | {"rewards": defaultdict(list), "extra": defaultdict(list)},
        _pending_extra_logs={},
        _pending_metrics={},
        args=SimpleNamespace(
            delta=None,
            use_bias_correction_kl=False,
            sapo_temperature_pos=1.0,
            sapo_temperature_neg=1.05,
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            per_device_train_batch_size=rows,
            gradient_checkpointing_kwargs=None,
        ),
        processing_class=SimpleNamespace(pad_token_id=0),
        _tokenizer=SimpleNamespace(pad_token_id=0),
        _calculate_rewards=lambda *_: step.rewards.unsqueeze(1),
        _get_per_token_logps_and_entropies=lambda model, *_, **__: (
            tables[id(model)],
            torch.zeros_like(step.old),
            None,
        ),
    )
    vars(trainer).update(settings)
    texts = [""] * rows
    if trainer_class is GRPOTrainer:
        sampled = [row[:n].tolist() for row, n in zip(step.rollout, lengths, strict=True)]
        trainer._generate = lambda _: (
            [[1]] * rows, completions, None, texts, sampled, {}, None, None
        )  # fmt: skip
    else:
        assert trainer_class is RLOOTrainer
        trainer._generate = lambda _: ([[1]] * rows, completions, texts)
    inputs = trainer._generate_and_score_completions([{"prompt": "p"}] * rows)
    loss = trainer._compute_loss(current, inputs)
    loss.backward()
    assert theta.grad is not None
    return Result(loss.item(), theta.grad)
