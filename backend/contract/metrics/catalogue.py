"""Every metric by name, and the keys under which values are logged.

A key is `group/name` or `group/name{label=value,...}` with sorted labels.
"""

import re
from types import MappingProxyType

from backend.contract.metrics.evaluation import EVALUATION
from backend.contract.metrics.health import HEALTH
from backend.contract.metrics.metric import Metric
from backend.contract.metrics.policy import POLICY
from backend.contract.metrics.reflection import REFLECTION
from backend.contract.metrics.response import RESPONSE
from backend.contract.metrics.reward import REWARD
from backend.contract.metrics.training import TRAINING

_KEY = re.compile(r"^(?P<name>[a-z0-9_]+/[a-z0-9_]+)(?:\{(?P<labels>[^{}]*)\})?$")

CATALOGUE = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            *TRAINING,
            *RESPONSE,
            *REFLECTION,
            *REWARD,
            *POLICY,
            *EVALUATION,
            *HEALTH,
        )
    }
)
"""Every metric by name, in the order of the dashboard."""


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
