"""What the update does to the policy."""

from backend.contract.metrics.metric import Metric

POLICY = (
    Metric(
        name="policy/kl",
        title="KL to the reference",
        unit="nats",
        definition="Mean over response tokens of the k3 estimate of KL(policy || reference).",
        source="Paper, Eq. 3; Schulman 2020",
        paper_key="training/kl",
    ),
    Metric(
        name="policy/entropy",
        title="Entropy",
        unit="nats",
        has_zero_axis=True,
        definition="Mean entropy of the policy's distribution over response tokens.",
        source="Maye (the paper's code logs -p log p of the sampled token only)",
        paper_key="training/entropy",
    ),
    Metric(
        name="policy/loss",
        title="Loss",
        unit="1",
        definition="Policy loss plus the weighted KL loss, mean over the step's updates.",
        source="Paper, Eq. 1",
        paper_key="loss/loss",
    ),
    Metric(
        name="policy/surrogate_loss",
        title="Policy loss",
        unit="1",
        definition="The algorithm's surrogate loss, aggregated as its loss is (token mean, "
        "response mean or constant).",
        source="Paper, Eq. 1",
        paper_key="loss/policy_loss",
    ),
    Metric(
        name="policy/kl_loss",
        title="KL loss",
        unit="nats",
        definition="KL loss before its weight, by the run's estimator, aggregated as the loss is.",
        source="Paper, Eq. 3",
        paper_key="loss/kl_loss",
    ),
    Metric(
        name="policy/clip_frac",
        title="Clipped tokens",
        unit="share",
        has_zero_axis=True,
        definition="Share of response tokens whose ratio was held by the clip.",
        source="PPO (Schulman et al. 2017)",
        paper_key="training/clipfrac",
    ),
    Metric(
        name="policy/ratio",
        title="Probability ratio",
        unit="1",
        definition="Mean ratio of the policy's to the collecting policy's token probability.",
        source="Paper, Eq. 1",
        paper_key="training/ratios",
    ),
    Metric(
        name="policy/grad_norm",
        title="Gradient norm",
        unit="1",
        has_zero_axis=True,
        definition="Global norm of the gradient before clipping, mean over the step's updates.",
        source="Maye",
        paper_key="training/grad_norm",
    ),
    Metric(
        name="policy/learning_rate",
        title="Learning rate",
        unit="1",
        has_zero_axis=True,
        definition="Learning rate of the step's last update.",
        source="Maye",
        paper_key="training/lr",
    ),
    Metric(
        name="policy/gate_drift",
        title="Engine and trainer drift at start-up",
        unit="nats",
        has_zero_axis=True,
        definition="Mean absolute difference of log-probabilities between engine and trainer on "
        "the first problems of the data set, before training; over the limit, the run is refused.",
        source="Maye",
    ),
    Metric(
        name="policy/rollout_drift",
        title="Engine and trainer drift",
        unit="nats",
        has_zero_axis=True,
        definition="Mean absolute difference of a response token's log-probability between the "
        "engine that sampled it and the trainer.",
        source="Maye",
    ),
    Metric(
        name="policy/kl_reward",
        title="KL reward",
        unit="reward",
        definition="Mean over response tokens of the KL reward: minus the coefficient times the "
        "estimate.",
        source="Paper, Eq. 4",
        paper_key="rews/kl_reward",
    ),
    Metric(
        name="policy/rollout_drift_max",
        title="Largest drift of a token",
        unit="nats",
        has_zero_axis=True,
        definition="Largest absolute difference of a response token's log-probability between "
        "the engine that sampled it and the trainer.",
        source="Maye",
    ),
    Metric(
        name="policy/rollout_kl",
        title="KL between engine and trainer",
        unit="nats",
        has_zero_axis=True,
        definition="Mean over response tokens of the k3 estimate of KL(engine || trainer).",
        source="Schulman 2020",
    ),
    Metric(
        name="policy/importance_weight",
        title="Importance weight",
        unit="1",
        definition="Mean ratio of the trainer's to the engine's probability, before it is cut: "
        "of tokens, or of responses where the correction is by sequence.",
        source="Importance sampling; 1 where engine and trainer agree",
    ),
    Metric(
        name="policy/effective_sample_frac",
        title="Effective sample size",
        unit="share",
        has_zero_axis=True,
        definition="Square of the sum of the importance weights over their number times the sum "
        "of their squares (Kish): 1 where all weights are equal.",
        source="Kish 1965",
    ),
    Metric(
        name="policy/corrected_frac",
        title="Weights cut or left out",
        unit="share",
        has_zero_axis=True,
        definition="Share of importance weights beyond the limit: cut to it (truncate) or set to "
        "0 (mask).",
        source="Maye",
    ),
    Metric(
        name="policy/uninformative_frac",
        title="Prompts that teach nothing",
        unit="share",
        has_zero_axis=True,
        definition="Share of the step's prompts whose responses are all right or all wrong, "
        "after dynamic sampling where it is on.",
        source="DAPO (arXiv 2503.14476)",
    ),
    Metric(
        name="policy/replaced_prompts",
        title="Prompts replaced",
        unit="1",
        has_zero_axis=True,
        definition="Prompts that dynamic sampling answered in place of uninformative ones.",
        source="DAPO (arXiv 2503.14476)",
    ),
    Metric(
        name="policy/sampling_exhausted",
        title="Dynamic sampling at its bound",
        unit="1",
        has_zero_axis=True,
        definition="1 when dynamic sampling ended at its bound with uninformative prompts left in "
        "the step, else 0.",
        source="Maye",
    ),
)
