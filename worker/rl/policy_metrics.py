"""What a step logs of the policy: its updates, its KL, and its distance from the engine."""

from worker.rl.dynamic_sampling import uninformative_prompts
from worker.rl.losses import k3_kl
from worker.rl.types import Answers, Trajectory, UpdateStats
from worker.tensors.masking import masked_mean


def policy_metrics(
    answers: Answers, trajectory: Trajectory, stats: UpdateStats
) -> dict[str, float]:
    """The metrics of the group `policy`."""
    policy, drift, mask = stats.policy, stats.drift, trajectory.response_mask
    metrics = {
        "policy/entropy": float(masked_mean(policy.entropy, mask)),
        "policy/loss": stats.loss,
        "policy/surrogate_loss": stats.surrogate_loss,
        "policy/clip_frac": stats.clip_frac,
        "policy/ratio": stats.ratio,
        "policy/grad_norm": stats.grad_norm,
        "policy/learning_rate": stats.learning_rate,
        "policy/rollout_drift": drift.mean,
        "policy/rollout_drift_max": drift.largest,
        "policy/rollout_kl": drift.kl,
        "policy/importance_weight": drift.importance_weight,
        "policy/effective_sample_frac": drift.effective_sample_frac,
    }
    if trajectory.importance_weights is not None:
        metrics["policy/corrected_frac"] = drift.corrected_frac
    if trajectory.reference_logprobs is not None:
        kl = k3_kl(policy.logprobs, trajectory.reference_logprobs)
        metrics["policy/kl"] = float(masked_mean(kl, mask))
    if stats.kl_loss is not None:
        metrics["policy/kl_loss"] = stats.kl_loss
    if trajectory.kl_rewards is not None:
        metrics["policy/kl_reward"] = float(masked_mean(trajectory.kl_rewards, mask))
    return metrics | group_metrics(answers)


def group_metrics(answers: Answers) -> dict[str, float]:
    """Prompts that teach nothing, where prompts have several responses."""
    size = answers.responses_per_prompt
    if size == 1:
        return {}
    flags = uninformative_prompts(answers.rewards, size)
    metrics = {"policy/uninformative_frac": sum(flags) / len(flags)}
    if answers.num_replaced is not None:
        metrics["policy/replaced_prompts"] = float(answers.num_replaced)
        metrics["policy/sampling_exhausted"] = float(any(flags))
    return metrics
