"""When a run is evaluated and saved."""

from backend.contract.config import CheckpointConfig, EvaluationConfig
from worker.data.sampler import Draw
from worker.journal import Journal


def should_evaluate(draw: Draw, cfg: EvaluationConfig, total_rl_steps: int) -> bool:
    """True at the end of every `every_epochs`-th epoch and of the run."""
    at_epoch = draw.is_epoch_end and (draw.epoch + 1) % cfg.every_epochs == 0
    return at_epoch or draw.rl_step == total_rl_steps


def should_save(draw: Draw, cfg: CheckpointConfig, journal: Journal) -> bool:
    """True at every `every_rl_steps`-th step, at the best one so far, and at the last."""
    is_best = journal.counters.best_rl_step == draw.rl_step
    is_due = draw.rl_step % cfg.every_rl_steps == 0
    return is_due or is_best or draw.rl_step == journal.total_rl_steps
