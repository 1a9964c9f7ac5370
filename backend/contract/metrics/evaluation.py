"""How the policy does on held-out problems."""

from backend.contract.metrics.metric import Metric
from backend.contract.metrics.reflection import COUNTS, RATIOS

_LABELS = ("k", "pictures", "split", "temperature")


def _of_evaluation(metric: Metric) -> Metric:
    """A reflection metric, of the responses of an evaluation."""
    return metric.model_copy(
        update={
            "name": f"evaluation/{metric.name.split('/')[1]}",
            "title": f"{metric.title} in evaluation",
            "labels": _LABELS,
            "definition": metric.definition.replace("of the step", "of the evaluation"),
            "paper_key": None,
        }
    )


EVALUATION = (
    Metric(
        name="evaluation/accuracy",
        title="Evaluation accuracy",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of problems with at least one right response among k (pass@k, any of "
        "k). Pictures: own, or permuted among problems as a control.",
        source="Paper, section 4.2",
        paper_key="acc/{Validation,Test} Set Epoch Accuracy pass@k Temperature=t",
    ),
    Metric(
        name="evaluation/pass_at",
        title="Unbiased pass@k",
        unit="share",
        has_zero_axis=True,
        labels=("at", *_LABELS),
        definition="Mean over problems of 1 - C(n-c, at) / C(n, at), with c right responses among "
        "n = k: the chance that at least one of `at` responses is right, without bias.",
        source="Chen et al. 2021 (arXiv 2107.03374), Eq. 1",
    ),
    Metric(
        name="evaluation/mean_at_k",
        title="Mean accuracy of a response",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of all responses that are right (mean@k).",
        source="Maye",
    ),
    Metric(
        name="evaluation/majority_at_k",
        title="Accuracy of the majority",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of problems whose commonest answer among k responses is right "
        "(majority@k). Answers are equal when their texts are, but for spaces; of equally common "
        "ones the earliest counts; a response without an answer does not vote.",
        source="Wang et al. 2022 (arXiv 2203.11171)",
    ),
    Metric(
        name="evaluation/num_tokens",
        title="Response length in evaluation",
        unit="tokens",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Mean number of response tokens, end-of-text included.",
        source="Maye",
    ),
    Metric(
        name="evaluation/truncated_frac",
        title="Truncated responses in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of evaluation responses without end-of-text.",
        source="Maye",
    ),
    Metric(
        name="evaluation/empty_frac",
        title="Empty responses in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of evaluation responses without any visible character.",
        source="Maye",
    ),
    Metric(
        name="evaluation/repeating_frac",
        title="Repeating responses in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of evaluation responses that end in the same stretch of text, at least "
        "four times over and 40 characters long.",
        source="Maye",
    ),
    Metric(
        name="evaluation/judge_failed_frac",
        title="Failed judgements in evaluation",
        unit="share",
        has_zero_axis=True,
        labels=_LABELS,
        definition="Share of evaluation answers that the judge could not decide.",
        source="Maye",
    ),
    *(_of_evaluation(metric) for metric in (*RATIOS, *COUNTS)),
)
