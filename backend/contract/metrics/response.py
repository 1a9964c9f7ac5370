"""What the collected responses are like."""

from backend.contract.metrics.metric import Metric

RESPONSE = (
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
        name="response/empty_frac",
        title="Empty responses",
        unit="share",
        has_zero_axis=True,
        definition="Share of responses without any visible character.",
        source="Maye",
    ),
    Metric(
        name="response/repeating_frac",
        title="Repeating responses",
        unit="share",
        has_zero_axis=True,
        definition="Share of responses that end in the same stretch of text, at least four times "
        "over and 40 characters long.",
        source="Maye",
    ),
)
