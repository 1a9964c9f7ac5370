"""What responses are worth, and what judging them cost."""

from backend.contract.metrics.metric import Metric

REWARD = (
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
        name="reward/overlong",
        title="Overlong penalty",
        unit="reward",
        has_zero_axis=True,
        definition="Mean of what is taken off responses that come close to the token limit.",
        source="DAPO (arXiv 2503.14476), Eq. 13",
    ),
)
