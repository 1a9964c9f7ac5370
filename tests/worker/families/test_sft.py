"""Every family through supervised fine-tuning: a run, and packing or its refusal by name."""

from uuid import uuid4

import pytest
import torch

from backend.contract.config import SFTConfig
from backend.contract.errors import ModelInvalidError
from tests.worker.rl.spooled import metrics
from worker.data.datasets import load_split
from worker.modeling.checkpoints import load_newest
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import load_policy, load_processor
from worker.parallel.devices import Devices
from worker.sft.__main__ import run
from worker.sft.packing import plan_rows
from worker.sft.targets import encode
from worker.sft.update import compute_gradient

SETTINGS = {
    "kind": "sft",
    "model": "tiny",
    "dataset": "made-here",
    "precision": "float32",
    "device": "cpu",
    "epochs": 4,
    "data": {"prompt_suffix": "", "max_prompt_tokens": 256},
    "supervised": {"samples_per_update": 4, "tokens_per_micro_batch": 2048},
    "optimizer": {"learning_rate": 1e-2, "warmup_frac": 0.0},
    "evaluation": {"max_response_tokens": 4, "decoding": [{"k": 1, "temperature": 1.0}]},
}
WITHOUT_PACKING = {"gemma3": "both directions"}
"""Families that cannot pack, and a word of the reason."""


def config(model_type, **changes):
    packing = {"packing": model_type not in WITHOUT_PACKING}
    supervised = SETTINGS["supervised"] | packing | changes
    return SFTConfig.model_validate(SETTINGS | {"supervised": supervised})


def make_run(home, cfg):
    folder = home.run(uuid4())
    folder.root.mkdir(parents=True)
    folder.config.write_text(cfg.model_dump_json())
    return folder


def test_the_loss_falls(family_home, family_folder):
    folder = make_run(family_home, config(family_folder.model_type))
    run(family_home, folder, 1)
    logged = metrics(folder)
    assert logged[4, "training/sft_loss"] < 0.9 * logged[1, "training/sft_loss"]
    assert load_newest(folder.checkpoints)[0].weights


def test_packing_changes_nothing_or_is_refused_by_name(family_home, family_folder):
    name = family_folder.model_type
    if name in WITHOUT_PACKING:
        cfg = config(name, packing=True)
        message = rf"supervised\.packing must be false for {name}.*{WITHOUT_PACKING[name]}"
        with pytest.raises(ModelInvalidError, match=message):
            run(family_home, make_run(family_home, cfg), 1)
        return
    policy = load_policy(family_home.model("tiny"), torch.device("cpu")).double()
    processor = load_processor(family_home.model("tiny"), None)
    folder = family_home.dataset("made-here")
    found = []
    for packing in (True, False):
        cfg = config(name, packing=packing)
        freeze_parts(policy, cfg.trained)
        batch = encode(
            load_split(folder, "train"),
            folder=folder,
            policy=policy,
            processor=processor,
            cfg=cfg,
        )
        rows = plan_rows(batch.lengths, 2048, is_packed=packing)
        assert any(len(row) > 1 for group in rows for row in group) == packing
        policy.zero_grad()
        loss, _ = compute_gradient(policy, batch, cfg, Devices.alone())
        grads = [p.grad.clone() for p in policy.parameters() if p.grad is not None]
        found.append((loss, grads))
    (loss, grads), (padded_loss, padded_grads) = found
    assert loss == pytest.approx(padded_loss, abs=1e-9)
    for grad, padded in zip(grads, padded_grads, strict=True):
        torch.testing.assert_close(grad, padded, atol=1e-8, rtol=1e-6)
