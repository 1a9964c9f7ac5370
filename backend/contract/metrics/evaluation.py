"""How the policy does on held-out problems."""

from backend.contract.metrics.metric import Metric

EVALUATION = (
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
)
