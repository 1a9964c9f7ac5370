"""The metric catalogue: name, title, unit, definition and source of everything a run may log.

One table serves API, chart titles, tool-tips and documentation. A metric that is not in it cannot
be logged. One file per group.
"""

from backend.contract.metrics.catalogue import CATALOGUE, metric_key, metric_of_key
from backend.contract.metrics.metric import Metric

__all__ = ["CATALOGUE", "Metric", "metric_key", "metric_of_key"]
