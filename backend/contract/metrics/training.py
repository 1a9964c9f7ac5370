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
    Metric(
        name="training/sft_loss",
        title="SFT loss",
        unit="nats",
        has_zero_axis=True,
        definition="Mean of -log p over the tokens of this update's solutions, the turn's end "
        "included; prompts carry no loss.",
        source="Paper, section 4.3 (the comparator)",
    ),
    Metric(
        name="training/filled_frac",
        title="Filled share of forward passes",
        unit="share",
        has_zero_axis=True,
        definition="Share of the tokens passed through the model that are no padding.",
        source="Maye",
    ),
)
