"""What a resumed run needs: leave out any piece of its state, and the comparison finds it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.errors import ResumeRefusedError
from backend.contract.messages import NoticeRecord
from tests.worker.rl.conftest import lay_out, make_run
from tests.worker.rl.interrupted import (
    EVERYTHING_MATTERS,
    counter_names,
    differences,
    run_here,
    told,
)
from tests.worker.rl.spooled import records
from worker import resuming
from worker.data.sampler import Sampler
from worker.journal import Counters
from worker.modeling.checkpoints import Checkpoint, load_newest, read_checkpoint
from worker.rl import __main__ as trainer
from worker.rl import policy_update

RESUMED_AFTER = 6
"""In the middle of the second epoch of four steps, after one evaluation."""

Alter = Callable[[Checkpoint, dict[str, torch.Tensor]], Checkpoint]
"""Takes a checkpoint and the weights that training began with."""


@dataclass
class Interrupted:
    """A run of eight steps, and copies of it that end after the sixth."""

    home: Home
    straight: RunFolder

    @property
    def first_weights(self) -> dict[str, torch.Tensor]:
        return read_checkpoint(self.straight.checkpoints / "step-00000000.f1").weights

    def copy(self) -> RunFolder:
        folder = make_run(self.home)
        shutil.copy(self.straight.config, folder.config)
        for path in self.straight.checkpoints.iterdir():
            if int(path.name[5:13]) <= RESUMED_AFTER:
                shutil.copytree(path, folder.checkpoints / path.name)
        return folder


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, tiny_folder) -> Interrupted:
    home = lay_out(tmp_path_factory.mktemp("home"), tiny_folder)
    with pytest.MonkeyPatch.context() as patch:
        straight = make_run(home, **EVERYTHING_MATTERS)
        run_here(home, straight, 1, patch)
    return Interrupted(home, straight)


def test_a_resumed_run_is_bit_for_bit_the_one_that_was_not_interrupted(interrupted, monkeypatch):
    resumed = interrupted.copy()
    run_here(interrupted.home, resumed, 2, monkeypatch)
    assert differences(interrupted.straight, resumed) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"lora": {"rank": 2, "dropout": 0.3}},
        {
            "algorithm": {
                **EVERYTHING_MATTERS["algorithm"],
                "name": "dapo",
                "responses_per_prompt": 2,
                "kl_placement": "reward",
            }
        },
    ],
    ids=["adapters with dropout", "dynamic sampling"],
)
def test_what_draws_more_at_random_is_resumed_bit_for_bit_too(interrupted, monkeypatch, changes):
    other = Interrupted(
        interrupted.home, make_run(interrupted.home, **(EVERYTHING_MATTERS | changes), epochs=1)
    )
    run_here(other.home, other.straight, 1, monkeypatch)
    resumed = other.copy()
    for step in range(3, RESUMED_AFTER + 1):
        shutil.rmtree(resumed.checkpoints / f"step-{step:08d}.f1", ignore_errors=True)
    run_here(other.home, resumed, 2, monkeypatch)
    assert {key[1] for key in told(resumed)} >= {3, 4}
    assert differences(other.straight, resumed) == []


def test_three_resumes_in_a_row_change_nothing(interrupted, monkeypatch):
    resumed = interrupted.copy()
    for fence, last in ((2, 7), (3, 7), (4, 8)):
        run_here(interrupted.home, resumed, fence, monkeypatch)
        for path in resumed.checkpoints.iterdir():
            if int(path.name[5:13]) > last:
                shutil.rmtree(path)
    assert differences(interrupted.straight, resumed) == []


def without_moment(name: str) -> Alter:
    def alter(checkpoint: Checkpoint, _: object) -> Checkpoint:
        moments = {
            key: torch.zeros_like(value) if key.endswith(f"|{name}") else value
            for key, value in checkpoint.moments.items()
        }
        return replace(checkpoint, moments=moments)

    return alter


def without_counter(name: str) -> Alter:
    def alter(checkpoint: Checkpoint, _: object) -> Checkpoint:
        counters = checkpoint.state["counters"] | {name: getattr(Counters(), name)}
        return replace(checkpoint, state=checkpoint.state | {"counters": counters})

    return alter


def without_weights(checkpoint: Checkpoint, first: dict[str, torch.Tensor]) -> Checkpoint:
    return replace(checkpoint, weights=first)


def without_one_weight(checkpoint: Checkpoint, first: dict[str, torch.Tensor]) -> Checkpoint:
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    return replace(checkpoint, weights=checkpoint.weights | {name: first[name]})


def without_random(checkpoint: Checkpoint, _: object) -> Checkpoint:
    # Left as it is after loading a model, which draws no numbers: something else must stand in.
    return replace(checkpoint, random={"cpu.0": torch.Generator().manual_seed(1).get_state()})


def without_identity(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, state=checkpoint.state | {"identity": {}})


ALTERED: dict[str, Alter] = {
    "all weights": without_weights,
    "one weight": without_one_weight,
    "AdamW's first moments": without_moment("exp_avg"),
    "AdamW's second moments": without_moment("exp_avg_sq"),
    "AdamW's step": without_moment("step"),
    "torch's generator": without_random,
    **{f"counter {name}": without_counter(name) for name in counter_names()},
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_piece_of_the_checkpoint_that_is_left_out_is_found(interrupted, monkeypatch, name):
    def load_altered(folder):
        checkpoint, problems = load_newest(folder)
        return ALTERED[name](checkpoint, interrupted.first_weights), problems

    monkeypatch.setattr(resuming, "load_newest", load_altered)
    resumed = interrupted.copy()
    run_here(interrupted.home, resumed, 2, monkeypatch)
    assert differences(interrupted.straight, resumed), f"nobody misses {name}"


def reference_of_the_resumed_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    train = trainer.train

    def train_from_here(job, journal):
        job.models.reference.load_state_dict(job.models.policy.state_dict())
        train(job, journal)

    monkeypatch.setattr(trainer, "train", train_from_here)


def data_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    draws_after = Sampler.draws_after

    def drawn_anew(self, rl_step):
        for late, early in zip(draws_after(self, rl_step), draws_after(self, 0), strict=False):
            yield replace(late, items=early.items)

    monkeypatch.setattr(Sampler, "draws_after", drawn_anew)


def schedule_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    rate_at = policy_update.learning_rate_at
    done = RESUMED_AFTER * 2
    monkeypatch.setattr(
        policy_update,
        "learning_rate_at",
        lambda update, total, cfg: rate_at(update - done, total, cfg),
    )


NOT_IN_THE_CHECKPOINT = {
    "the reference": reference_of_the_resumed_policy,
    "the place in the data": data_from_the_beginning,
    "the place in the schedule": schedule_from_the_beginning,
}


@pytest.mark.parametrize("name", NOT_IN_THE_CHECKPOINT)
def test_a_piece_that_is_worked_out_anew_wrongly_is_found(interrupted, monkeypatch, name):
    NOT_IN_THE_CHECKPOINT[name](monkeypatch)
    resumed = interrupted.copy()
    run_here(interrupted.home, resumed, 2, monkeypatch)
    assert differences(interrupted.straight, resumed), f"nobody misses {name}"


def test_a_checkpoint_without_identity_is_refused(interrupted, monkeypatch):
    monkeypatch.setattr(
        resuming, "load_newest", lambda folder: (without_identity(load_newest(folder)[0]), [])
    )
    with pytest.raises(ResumeRefusedError):
        run_here(interrupted.home, interrupted.copy(), 2, monkeypatch)


def notices(folder: RunFolder, fence: int) -> list[str]:
    return [r.text for r in records(folder, fence) if isinstance(r, NoticeRecord)]


def test_a_corrupt_checkpoint_is_told_and_the_run_goes_on_from_the_one_before(
    interrupted, monkeypatch
):
    resumed = interrupted.copy()
    newest = resumed.checkpoints / f"step-{RESUMED_AFTER:08d}.f1"
    (newest / "weights.safetensors").write_bytes(b"nothing")
    run_here(interrupted.home, resumed, 2, monkeypatch)
    assert notices(resumed, 2) == [
        f"{newest.name}/weights.safetensors differs from its manifest; "
        f"it was passed over for that of step {RESUMED_AFTER - 1}"
    ]
    assert differences(interrupted.straight, resumed) == []


def test_what_has_changed_is_shown_and_a_forced_resume_tells_it(interrupted, monkeypatch):
    resumed = interrupted.copy()
    changed = resumed.config.read_text().replace('"learning_rate":0.001', '"learning_rate":0.002')
    resumed.config.write_text(changed)
    line = "config.optimizer.learning_rate: 0.001 -> 0.002"
    with pytest.raises(ResumeRefusedError) as error:
        run_here(interrupted.home, resumed, 2, monkeypatch)
    assert error.value.message.splitlines()[1:] == [line]
    assert read_checkpoint(resumed.checkpoints / f"step-{RESUMED_AFTER:08d}.f1")
    run_here(interrupted.home, resumed, 2, monkeypatch, is_forced=True)
    assert notices(resumed, 2) == [f"resumed by force although this has changed: {line}"]
    assert "axes 7" in " ".join(f"{kind} {step}" for kind, step, *_ in told(resumed))
