"""Rewards from installed Python packages: entry points of the group `maye.rewards`.

A package declares them in its metadata, for example

    [project.entry-points."maye.rewards"]
    politeness = "my_package.rewards:politeness"

where `politeness(response: str, answer: str) -> float` gets the response's text and the gold
answer. Only the operator of a worker can let one in, by `MAYE_REWARD_ENTRY_POINTS`; a run's
configuration can only give weights to those. They run in worker processes with a hard limit, and
never in the trainer.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from backend.contract.config import RewardConfig
from backend.contract.errors import InvalidInputError

GROUP = "maye.rewards"
"""Entry-point group of rewards."""

ExtraRewardFunction = Callable[[str, str], float]
"""Response text, gold answer -> value of the part."""


def permitted_rewards(cfg: RewardConfig, setting: str) -> tuple[str, ...]:
    """Names of the extra rewards of a configuration, after checking that they may run here.

    Args:
        cfg: What the run gives weights to.
        setting: The operator's `MAYE_REWARD_ENTRY_POINTS`: names, separated by commas.

    Raises:
        InvalidInputError: the operator has not let one in, or no package brings it; names the
            reward, its field, and what is allowed.
    """
    allowed = {name.strip() for name in setting.split(",")} - {""}
    for index, extra in enumerate(cfg.extra):
        if extra.name not in allowed:
            raise InvalidInputError(
                f"reward.extra.{index}.name ({extra.name}) is not allowed on this worker; its "
                "operator allows by MAYE_REWARD_ENTRY_POINTS: "
                f"{', '.join(sorted(allowed)) or 'none'}"
            )
        find_reward(extra.name)
    return tuple(extra.name for extra in cfg.extra)


def find_reward(name: str) -> EntryPoint:
    """The entry point of a name; nothing of its package is loaded yet.

    Raises:
        InvalidInputError: no package brings it, or several do.
    """
    found = sorted(entry_points(group=GROUP, name=name))
    if len(set(found)) == 1:
        return found[0]
    if found:
        packages = sorted({point.dist.name if point.dist else "?" for point in found})
        raise InvalidInputError(f"the reward {name} is brought by several: {', '.join(packages)}")
    installed = sorted({point.name for point in entry_points(group=GROUP)})
    raise InvalidInputError(
        f"no installed package has the entry point {name} in the group {GROUP}; "
        f"there are: {', '.join(installed) or 'none'}"
    )
