"""An exported checkpoint is loaded by transformers alone, and computes what the policy computed."""

import subprocess
import sys
from uuid import uuid4

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from backend.contract.config import RLConfig
from backend.contract.errors import CheckpointCorruptError, ModelInvalidError, NotFoundError
from tests.worker.conftest import make_prompts
from tests.worker.rl.conftest import lay_out, make_run
from tests.worker.rl.interrupted import EVERYTHING_MATTERS, run_here
from worker.export import export
from worker.modeling.checkpoints import list_checkpoints, load_newest, read_checkpoint
from worker.modeling.forward import response_logits
from worker.modeling.loading import load_policy, load_processor
from worker.modeling.lora import choose_parameters

TOKENS = torch.tensor([[25, 26, 27], [28, 29, 30], [31, 32, 33]])


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_folder):
    return lay_out(tmp_path_factory.mktemp("home"), tiny_folder)


@pytest.fixture(scope="module", params=[None, {"rank": 2, "alpha": 8.0}], ids=["full", "lora"])
def trained(request, home):
    """A run of four steps, of all weights or of adapters."""
    with pytest.MonkeyPatch.context() as patch:
        folder = make_run(home, **EVERYTHING_MATTERS, epochs=1, lora=request.param)
        run_here(home, folder, 1, patch)
    return folder


def logits(model, prompts):
    with torch.no_grad():
        return response_logits(model, prompts, TOKENS, torch.ones(3, 3, dtype=torch.bool))


def restored(home, folder, checkpoint):
    """The policy as the trainer had it."""
    cfg = RLConfig.model_validate_json(folder.config.read_text())
    policy = load_policy(home.model("tiny"), torch.device("cpu"))
    with torch.no_grad():
        for name, parameter in choose_parameters(policy, cfg.trained, cfg.lora, seed=0).items():
            parameter.copy_(checkpoint.weights[name])
    return cfg, policy


def test_an_export_loads_by_the_auto_classes_and_computes_what_the_policy_does(home, trained):
    target = export(home, trained, "last")
    newest = list_checkpoints(trained.checkpoints)[-1]
    assert target == trained.exports / newest.name
    cfg, policy = restored(home, trained, read_checkpoint(newest))
    model = AutoModelForImageTextToText.from_pretrained(target)
    model.eval()
    prompts = make_prompts(policy, load_processor(target, None))
    expected, got = logits(policy, prompts), logits(model, prompts)
    if cfg.lora is None:
        assert torch.equal(got, expected)
    else:
        assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
    before = logits(load_policy(home.model("tiny"), torch.device("cpu")), prompts)
    assert (got - before).abs().max() > 1e-3
    tokenizer, original = (AutoTokenizer.from_pretrained(p) for p in (target, home.model("tiny")))
    assert tokenizer.get_vocab() == original.get_vocab()
    assert tokenizer.chat_template == original.chat_template
    names = {path.name for path in target.iterdir()}
    assert {path.name for path in home.model("tiny").iterdir()} <= names
    assert not list(trained.exports.glob("*.partial"))


def test_an_export_has_every_weight_under_the_name_that_the_model_had(home, trained):
    from safetensors.torch import load_file

    target = export(home, trained, "last")
    ours, theirs = (load_file(p / "model.safetensors") for p in (target, home.model("tiny")))
    assert ours.keys() == theirs.keys()
    vision = [name for name in ours if "visual" in name]
    assert vision
    assert all(torch.equal(ours[name], theirs[name]) for name in vision)


def test_the_best_is_the_checkpoint_of_the_best_validation_accuracy(home, trained):
    checkpoint, _ = load_newest(trained.checkpoints)
    assert checkpoint is not None
    step = checkpoint.state["counters"]["best_rl_step"]
    assert export(home, trained, "best").name == f"step-{step:08d}.f1"


def test_what_cannot_be_exported_is_refused_by_name(home, trained, monkeypatch):
    with pytest.raises(NotFoundError, match=r"no checkpoint step-9 .*step-00000004\.f1"):
        export(home, trained, "step-9")
    with pytest.raises(NotFoundError, match="there is no run"):
        export(home, home.run(uuid4()), "last")
    monkeypatch.setattr("worker.export.hash_model", lambda _: {"model/model.safetensors": "other"})
    with pytest.raises(ModelInvalidError, match=r"has changed.*model\.safetensors"):
        export(home, trained, "last")


def test_a_damaged_checkpoint_is_not_exported(home, trained):
    path = list_checkpoints(trained.checkpoints)[1]
    (path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointCorruptError, match=r"weights\.safetensors"):
        export(home, trained, path.name)


def test_the_command_prints_the_folder(home, trained):
    command = [sys.executable, "-m", "worker.export", "--home", str(home.root)]
    done = subprocess.run(
        [*command, "--run", trained.root.name, "--checkpoint", "last"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(trained.exports / "step-00000004.f1")
