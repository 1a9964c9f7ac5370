"""How often responses reflect, and whether it helps: the paper's words and ratios."""

from backend.contract.metrics.metric import Metric

_PAPER = "Paper, section 4.3"

WORD_COUNT = Metric(
    name="reflection/word_count",
    title="Reflection word",
    unit="1",
    has_zero_axis=True,
    labels=("word",),
    definition="Occurrences of the word in all responses of the step.",
    source=_PAPER,
    paper_key="reflection_words/<word>",
)

COUNTS = (
    Metric(
        name="reflection/num_responses",
        title="Responses",
        unit="1",
        has_zero_axis=True,
        definition="N: responses of the step, the denominator of the reflection ratio.",
        source=_PAPER,
    ),
    Metric(
        name="reflection/num_reflective",
        title="Responses that reflect",
        unit="1",
        has_zero_axis=True,
        definition="N_ref: responses with at least one reflection word.",
        source=_PAPER,
    ),
    Metric(
        name="reflection/num_correct",
        title="Right responses",
        unit="1",
        has_zero_axis=True,
        definition="N+: responses that the judge found right.",
        source=_PAPER,
    ),
    Metric(
        name="reflection/num_reflective_correct",
        title="Right responses that reflect",
        unit="1",
        has_zero_axis=True,
        definition="N_ref+: right responses with at least one reflection word.",
        source=_PAPER,
    ),
)

RATIOS = (
    Metric(
        name="reflection/reflection_ratio",
        title="Reflection ratio",
        unit="share",
        has_zero_axis=True,
        definition="N_ref / N: share of responses with at least one reflection word.",
        source=_PAPER,
        paper_key="reflection_analysis/reflection_ratio",
    ),
    Metric(
        name="reflection/reflection_ratio_in_correct_answers",
        title="Reflection ratio in correct answers",
        unit="share",
        has_zero_axis=True,
        definition="N_ref+ / N+: share of right responses that reflect; a gap without any.",
        source=_PAPER,
        paper_key="reflection_analysis/reflection_ratio_in_correct_answers",
    ),
    Metric(
        name="reflection/reflection_ratio_in_incorrect_answers",
        title="Reflection ratio in incorrect answers",
        unit="share",
        has_zero_axis=True,
        definition="(N_ref - N_ref+) / (N - N+): share of wrong responses that reflect; a gap "
        "without any.",
        source=_PAPER,
        paper_key="reflection_analysis/reflection_ratio_in_incorrect_answers",
    ),
    Metric(
        name="reflection/correct_ratio_in_reflection_texts",
        title="Correct ratio in reflection texts",
        unit="share",
        has_zero_axis=True,
        definition="N_ref+ / N_ref: share of responses that reflect that are right; a gap without "
        "any.",
        source=_PAPER,
        paper_key="reflection_analysis/correct_ratio_in_reflection_texts",
    ),
    Metric(
        name="reflection/correct_ratio_in_no_reflection_texts",
        title="Correct ratio in texts without reflection",
        unit="share",
        has_zero_axis=True,
        definition="(N+ - N_ref+) / (N - N_ref): share of responses that do not reflect that are "
        "right; a gap without any.",
        source=_PAPER,
        paper_key="reflection_analysis/correct_ratio_in_no_reflection_texts",
    ),
)

REFLECTION = (*RATIOS, *COUNTS, WORD_COUNT)
