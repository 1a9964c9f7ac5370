"""The front end's types are those of the API as it is."""

import json
import shutil
import subprocess
from pathlib import Path

from backend.api.app import create_app
from backend.contract.settings import Settings

FRONTEND = Path(__file__).parents[2] / "frontend"


def test_the_generated_client_is_current(tmp_path: Path):
    node = shutil.which("node")
    assert node is not None, "no Node.js on PATH: `make test` brings one along"
    assert (FRONTEND / "node_modules").is_dir(), "run `npm ci` in frontend"
    description = tmp_path / "openapi.json"
    openapi = create_app(Settings(home=tmp_path)).openapi()
    description.write_text(json.dumps(openapi, sort_keys=True))
    result = subprocess.run(
        [node, "scripts/generate-client.mjs", str(description), "--check"],
        cwd=FRONTEND,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
