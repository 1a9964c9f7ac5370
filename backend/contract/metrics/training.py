"""How often the policy is right while it trains."""

from backend.contract.metrics.metric import Metric

TRAINING = (
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
)
