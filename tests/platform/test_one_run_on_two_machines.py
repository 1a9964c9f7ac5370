"""What docs/several-devices.md says of one run on several machines, with two launchers."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.contract.artifacts import Home
from backend.contract.config import parse_config
from backend.contract.settings import Settings
from maye.redis_server import find_free_port
from tests.platform.living_platform import (
    DATASET,
    MODEL,
    ROOT,
    tiny_config,
    write_dataset,
    write_model,
)


def import_tiny(home: Path) -> None:
    """The tiny data set and model, as the platform stores them."""
    write_dataset(home / "import" / DATASET)
    write_model(home / "import" / MODEL)
    with TestClient(create_app(Settings(home=home, relay_s=3600))) as client:
        token = (home / "admin-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        for path, body in (
            ("datasets", {"folder": DATASET}),
            ("models", {"folder": MODEL, "slug": MODEL, "title": "Tiny"}),
        ):
            response = client.post(f"/api/v1/{path}", json=body, headers=headers)
            assert response.status_code == 201, response.text


def documented_command(home: Path, run_id: str, port: int) -> list[str]:
    """The command of the page, with one process for each of two machines."""
    page = (ROOT / "docs" / "several-devices.md").read_text()
    section = page[page.index("## One run on several machines") :]
    block = re.search(r"```bash\n(torchrun .*?)```", section, re.DOTALL)
    assert block is not None
    argv = shlex.split(block[1].replace("\\\n", " "))
    assert argv[:3] == ["torchrun", "--nnodes=2", "--nproc-per-node=8"]
    values = {"RUN_ID": run_id, "FIRST_MACHINE:29500": f"127.0.0.1:{port}", "/shared/maye": home}
    given = ["--nnodes=2", "--nproc-per-node=1"]
    for word in argv[3:]:
        for name, value in values.items():
            word = word.replace(name, str(value))
        given.append(word)
    return [sys.executable, "-m", "torch.distributed.run", *given]


def test_the_documented_command_trains_one_run_on_two_machines(tmp_path: Path) -> None:
    home, run_id = tmp_path / "home", uuid4()
    import_tiny(home)
    folder = Home(home).run(run_id)
    folder.root.mkdir(parents=True)
    config = parse_config(tiny_config(epochs=1) | {"parallel": {"devices": 2}})
    folder.config.write_text(config.model_dump_json())
    argv = documented_command(home, str(run_id), find_free_port())
    environ = dict(os.environ) | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    machines = [
        subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    outputs = [machine.communicate(timeout=250)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], "\n".join(outputs)
    # Each line is its length, its checksum and the record.
    lines = folder.spool(1).read_text().splitlines()
    records = [json.loads(line.split(" ", 2)[2]) for line in lines]
    steps = [record for record in records if record["type"] == "step"]
    assert {step["rl_step"] for step in steps} == {0, 1, 2}
    assert (folder.checkpoints / "step-00000002.f1").is_dir()
