"""The metric catalogue: name, title, unit, definition and source of everything a run may log.

One table serves API, chart titles, tool-tips and documentation. A metric that is not in it cannot
be logged. A key is `group/name` or `group/name{label=value,...}` with sorted labels.
"""

import re
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

Unit = Literal["share", "tokens", "nats", "s", "reward", "1", "tokens/s", "bytes"]

_KEY = re.compile(r"^(?P<name>[a-z0-9_]+/[a-z0-9_]+)(?:\{(?P<labels>[^{}]*)\})?$")


class Metric(BaseModel):
    """One entry of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """`group/name`, snake case."""
    title: str
    """Chart title in words."""
    unit: Unit
    """Unit of the values; a share is 0..1."""
    definition: str
    """What the number is, in a sentence for the tool-tip."""
    source: str
    """Where the definition comes from."""
    labels: tuple[str, ...] = ()
    """Names of the labels that a key of this metric must carry."""
    has_zero_axis: bool = False
    """True when the chart's axis must include 0 (shares, counts, lengths)."""
    paper_key: str | None = None
    """The paper's own key for the same quantity."""

    @property
    def group(self) -> str:
        """First part of the name: the dashboard's tab."""
        return self.name.split("/")[0]


_ENTRIES = (
    Metric(
        name="training/accuracy",
        title="Training accuracy",
        unit="share",
        has_zero_axis=True,
        definition="Share of this step's responses that the judge found right.",
        source="Paper, section 4.1 (per step)",
        paper_key="rews/acc_rewards",
    ),
    Metric(
        name="training/epoch_accuracy",
        title="Training accuracy, cumulative over the epoch",
        unit="share",
        has_zero_axis=True,
        definition="Right responses of the epoch so far over all responses of the epoch so far.",
        source="Paper, section 4.1",
        paper_key="acc/Training Set Epoch Accuracy",
    ),
    Metric(
        name="response/num_tokens",
        title="Response length",
        unit="tokens",
        has_zero_axis=True,
        definition="Mean number of response tokens, end-of-text included.",
        source="Paper, section 4.1; counted without its off-by-one",
        paper_key="response/response_lengths",
    ),
    Metric(
        name="response/truncated_frac",
        title="Truncated responses",
        unit="share",
        has_zero_axis=True,
        definition="Share of responses that reached the token limit without end-of-text.",
        source="Maye",
        paper_key="response/length_clip_ratio",
    ),
    Metric(
        name="reward/outcome",
        title="Reward",
        unit="reward",
        definition="Mean reward of a response: the sum of its parts, or the fixed reward of an "
        "unfinished response.",
        source="Paper, section 3.4",
        paper_key="rews/scores",
    ),
    Metric(
        name="reward/accuracy",
        title="Accuracy reward",
        unit="reward",
        has_zero_axis=True,
        definition="Mean of the accuracy part: 1 for a right answer, else 0.",
        source="Paper, section 3.4",
        paper_key="rews/acc_rewards",
    ),
    Metric(
        name="reward/language",
        title="Language reward",
        unit="reward",
        definition="Mean of the language part: -0.1 times the share of CJK ideographs.",
        source="Paper, section 3.4",
        paper_key="rews/language_rewards",
    ),
    Metric(
        name="reward/format",
        title="Format reward",
        unit="reward",
        has_zero_axis=True,
        definition="Mean of the format part: 1 for exactly one <think> block, else 0.",
        source="Paper, section 3.4 (optional)",
        paper_key="rews/format_rewards",
    ),
    Metric(
        name="reward/judge_failed_frac",
        title="Failed judgements",
        unit="share",
        has_zero_axis=True,
        definition="Share of answers that the judge could not decide: time-out or crash. They "
        "get no accuracy reward and are counted here.",
        source="Maye",
    ),
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
        definition="Clipped surrogate loss, mean over response tokens.",
        source="Paper, Eq. 1",
        paper_key="loss/policy_loss",
    ),
    Metric(
        name="policy/kl_loss",
        title="KL loss",
        unit="nats",
        definition="k3 KL loss before its weight, mean over response tokens.",
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
        name="policy/rollout_drift",
        title="Engine and trainer drift",
        unit="nats",
        has_zero_axis=True,
        definition="Mean absolute difference of a response token's log-probability between the "
        "engine that sampled it and the trainer.",
        source="Maye",
    ),
    Metric(
        name="evaluation/accuracy",
        title="Evaluation accuracy",
        unit="share",
        has_zero_axis=True,
        labels=("k", "pictures", "split", "temperature"),
        definition="Share of problems with at least one right response among k (pass@k, any of "
        "k). Pictures: own, or permuted among problems as a control.",
        source="Paper, section 4.2",
        paper_key="acc/{Validation,Test} Set Epoch Accuracy pass@k Temperature=t",
    ),
    Metric(
        name="evaluation/truncated_frac",
        title="Truncated responses in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=("k", "pictures", "split", "temperature"),
        definition="Share of evaluation responses without end-of-text.",
        source="Maye",
    ),
    Metric(
        name="evaluation/judge_failed_frac",
        title="Failed judgements in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=("k", "pictures", "split", "temperature"),
        definition="Share of evaluation answers that the judge could not decide.",
        source="Maye",
    ),
    Metric(
        name="health/step_s",
        title="Time per RL step",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of the RL step without evaluation and checkpoint.",
        source="Maye",
    ),
    Metric(
        name="health/collection_s",
        title="Time collecting responses",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step II.",
        source="Maye",
    ),
    Metric(
        name="health/trajectory_s",
        title="Time generating trajectories",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step III.",
        source="Maye",
    ),
    Metric(
        name="health/update_s",
        title="Time updating the policy",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step IV.",
        source="Maye",
    ),
    Metric(
        name="health/evaluation_s",
        title="Time evaluating",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of the evaluation at this step.",
        source="Maye",
    ),
    Metric(
        name="health/tokens_per_s",
        title="Collection speed",
        unit="tokens/s",
        has_zero_axis=True,
        definition="Response tokens collected per second of step II.",
        source="Maye",
    ),
    Metric(
        name="health/peak_memory_bytes",
        title="Peak memory",
        unit="bytes",
        has_zero_axis=True,
        definition="Largest resident memory of the trainer (on a GPU: allocated on it).",
        source="Maye",
    ),
)

CATALOGUE = MappingProxyType({metric.name: metric for metric in _ENTRIES})
"""Every metric by name."""


def metric_key(name: str, **labels: str | float) -> str:
    """Key of a metric with its labels, sorted.

    Raises:
        ValueError: the metric is not in the catalogue, or its labels are others.

    >>> metric_key("training/accuracy")
    'training/accuracy'
    """
    text = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
    key = f"{name}{{{text}}}" if text else name
    metric_of_key(key)
    return key


def metric_of_key(key: str) -> Metric:
    """The catalogue entry of a key.

    Raises:
        ValueError: names the key and what is wrong with it.
    """
    match = _KEY.match(key)
    metric = CATALOGUE.get(match["name"]) if match else None
    if match is None or metric is None:
        raise ValueError(f"metric {key!r} is not in the catalogue")
    labels = tuple(pair.partition("=")[0] for pair in (match["labels"] or "").split(",") if pair)
    if labels != metric.labels:
        raise ValueError(
            f"metric {key!r} has the labels {labels}, the catalogue wants {metric.labels}"
        )
    return metric
