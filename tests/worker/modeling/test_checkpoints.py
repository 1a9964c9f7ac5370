"""Checkpoints are whole or absent, verified, and give back what was saved."""

import json

import pytest
import torch
from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.errors import CheckpointCorruptError
from worker.modeling.checkpoints import (
    list_checkpoints,
    load_newest,
    read_checkpoint,
    remove_old,
    restore_state,
    save_checkpoint,
    take_state,
)


def trained(steps: int = 2):
    parameters = {"a": Parameter(torch.arange(4.0)), "b": Parameter(torch.ones(2, 3))}
    optimizer = AdamW(parameters.values(), lr=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        sum((p * (step + 1)).square().sum() for p in parameters.values()).backward()
        optimizer.step()
    return parameters, optimizer


def save(folder, step, fence=1):
    parameters, optimizer = trained(step)
    return save_checkpoint(
        folder,
        rl_step=step,
        fence=fence,
        checkpoint=take_state(parameters, optimizer, {"counters": {"rl_step": step}}),
    )


def test_training_goes_on_from_a_checkpoint_bit_for_bit(tmp_path):
    save(tmp_path, 2)
    straight, _ = trained(5)
    checkpoint, problems = load_newest(tmp_path)
    assert problems == []
    parameters = {"a": Parameter(torch.zeros(4)), "b": Parameter(torch.zeros(2, 3))}
    optimizer = AdamW(parameters.values(), lr=0.1)
    restore_state(parameters, optimizer, checkpoint)
    for step in range(2, 5):
        optimizer.zero_grad()
        sum((p * (step + 1)).square().sum() for p in parameters.values()).backward()
        optimizer.step()
    assert all(torch.equal(parameters[name], straight[name]) for name in straight)


def test_a_changed_byte_in_any_file_is_found_and_the_checkpoint_before_is_used(tmp_path):
    save(tmp_path, 1)
    record = save(tmp_path, 2)
    newest = tmp_path / record.name
    for file in sorted(newest.iterdir()):
        before = file.read_bytes()
        changed = bytearray(before)
        changed[len(changed) // 2] ^= 1
        file.write_bytes(bytes(changed))
        checkpoint, problems = load_newest(tmp_path)
        assert checkpoint.state["counters"]["rl_step"] == 1, file.name
        assert record.name in problems[0]
        newest.with_name(f"{record.name}.corrupt").rename(newest)
        file.write_bytes(before)
    assert load_newest(tmp_path)[0].state["counters"]["rl_step"] == 2


def test_a_missing_or_cut_file_is_found(tmp_path):
    record = save(tmp_path, 1)
    weights = tmp_path / record.name / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointCorruptError, match=r"weights\.safetensors"):
        read_checkpoint(tmp_path / record.name)
    weights.unlink()
    with pytest.raises(CheckpointCorruptError):
        read_checkpoint(tmp_path / record.name)
    assert load_newest(tmp_path)[0] is None


def test_an_interrupted_save_is_never_taken_for_a_checkpoint(tmp_path):
    save(tmp_path, 1)
    partial = tmp_path / "step-00000002.f1.partial"
    partial.mkdir()
    (partial / "state.json").write_text("{}")
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000001.f1"]
    remove_old(tmp_path, keep=2)
    assert not partial.exists()


def test_the_newest_are_kept(tmp_path):
    for step in range(1, 5):
        save(tmp_path, step)
        remove_old(tmp_path, keep=2)
    assert [path.name[:13] for path in list_checkpoints(tmp_path)] == [
        "step-00000003",
        "step-00000004",
    ]


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    save(tmp_path, 1)
    parameters = {"c": Parameter(torch.zeros(4))}
    with pytest.raises(CheckpointCorruptError, match="another model"):
        restore_state(parameters, AdamW(parameters.values()), load_newest(tmp_path)[0])


def test_state_is_json_and_tensors_are_safetensors_only(tmp_path):
    record = save(tmp_path, 1)
    names = {path.name for path in (tmp_path / record.name).iterdir()}
    tensors = {"optimizer.safetensors", "random.safetensors", "weights.safetensors"}
    assert names == {"manifest.json", "state.json", *tensors}
    assert json.loads((tmp_path / record.name / "state.json").read_text())
