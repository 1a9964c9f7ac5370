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
        name="reward/length",
        title="Length reward",
        unit="reward",
        definition="Mean of the length part: minus the distance from the token budget, in budgets, "
        "at most 1.",
        source="L1 (arXiv 2503.04697), Eq. 1",
    ),
    Metric(
        name="reward/extra",
        title="Extra reward",
        unit="reward",
        labels=("reward",),
        definition="Mean of a part that an installed package brings, before its weight.",
        source="Maye",
    ),
    Metric(
        name="reward/extra_failed_frac",
        title="Extra reward without a value",
        unit="share",
        has_zero_axis=True,
        labels=("reward",),
        definition="Share of responses for which an installed reward hung, crashed, raised or was "
        "not finite. It counts as 0 for them.",
        source="Maye",
    ),
    Metric(
        name="reward/judge_failed_frac",
        title="Failed judgements",
        unit="share",
        has_zero_axis=True,
        definition="Share of answers that the judge could not decide: it hung, crashed or raised. "
        "They get no accuracy reward and are counted here.",
        source="Maye",
    ),
    Metric(
        name="reward/judge_hung_frac",
        title="Hung judgements",
        unit="share",
        has_zero_axis=True,
        definition="Share of answers whose judgement took longer than the limit and was killed.",
        source="Maye",
    ),
    Metric(
        name="reward/judge_crashed_frac",
        title="Crashed judgements",
        unit="share",
        has_zero_axis=True,
        definition="Share of answers whose judgement ended its process.",
        source="Maye",
    ),
    Metric(
        name="reward/judge_disagreement_frac",
        title="Disagreement between judges",
        unit="share",
        has_zero_axis=True,
        definition="Share of answers that the judge has decided and a second, simpler judge (equal "
        "text or fraction after normalisation) decides the other way. The judge's word counts.",
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
