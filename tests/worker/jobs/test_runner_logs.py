"""Lines of a real runner: JSON each, with run, attempt and worker, and no secret in any of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from backend.contract.config import RLConfig
from backend.contract.messages import Claim
from tests.worker.jobs.fake_api import FakeApi, serve

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "canary-of-the-worker-token"
PASSWORD = "canary-of-redis"


def test_every_line_of_a_runner_is_json_and_holds_no_secret(tmp_path: Path) -> None:
    api = FakeApi(TOKEN, is_away=True)
    server = serve(api)
    (tmp_path / "worker-token").write_text(TOKEN)
    run_id = uuid4()
    config = RLConfig(model="absent", dataset="absent")
    claim = Claim(run_id=run_id, fence=7, lease_s=3.0, config=config)
    api.fence = 7
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
    environ = inherited | {
        "MAYE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "MAYE_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:1/0",
        "MAYE_LOG_FORMAT": "json",
        "MAYE_WORKER_NAME": "bench",
    }
    place = ["--home", str(tmp_path), "--run", str(run_id), "--fence", "7"]
    runner = subprocess.Popen(
        [sys.executable, "-m", "worker.runner", *place],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert runner.stdin is not None
        assert runner.stdout is not None
        runner.stdin.write(claim.model_dump_json())
        runner.stdin.close()
        lines: list[str] = []
        with runner.stdout as output:
            for line in output:
                lines.append(line)
                # It has met an API that is away: now let it say its end.
                if "trying again" in line:
                    api.is_away = False
        assert runner.wait(timeout=60) == 0, "".join(lines)
    finally:
        runner.kill()
        runner.wait()
        server.shutdown()
        server.server_close()
    assert len(api.ends) == 1
    parsed = [json.loads(line) for line in lines]
    assert {
        (line["service"], line["run_id"], line["fence"], line["worker"]) for line in parsed
    } == {("runner", str(run_id), 7, "bench")}
    assert any(line["level"] == "WARNING" for line in parsed)
    for secret in (TOKEN, PASSWORD):
        assert secret not in "".join(lines)
