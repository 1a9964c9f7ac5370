"""A new admin token: taken up by a running API at once; what came of the old one ends."""

import os
import stat
import subprocess
import sys

from api_caller import Api

from backend.api.services.credentials import rotate_admin_token
from backend.contract.settings import Settings

SITE = {"Origin": "http://testserver"}


def test_a_new_token_is_taken_up_and_the_old_one_is_refused(api: Api, settings: Settings) -> None:
    old, worker = api.person, api.worker
    signed_in = api.client.post(
        "/api/v1/session", json={"token": api.platform.tokens.admin}, headers=SITE
    )
    assert signed_in.status_code == 200
    assert api.client.get("/api/v1/runs").status_code == 200
    rotate_admin_token(settings.paths)
    assert api.client.get("/api/v1/runs").status_code == 401
    api.client.cookies.clear()
    assert api.client.get("/api/v1/runs", headers=old).status_code == 401
    assert api.person != old
    assert api.client.get("/api/v1/runs", headers=api.person).status_code == 200
    assert api.worker == worker
    assert stat.S_IMODE(settings.paths.admin_token.stat().st_mode) == 0o600


def test_a_token_file_that_is_no_good_changes_nothing(api: Api, settings: Settings) -> None:
    before = api.person
    settings.paths.admin_token.write_text("short\n")
    assert api.client.get("/api/v1/runs", headers=before).status_code == 200
    settings.paths.admin_token.unlink()
    assert api.client.get("/api/v1/runs", headers=before).status_code == 200


def test_the_command_puts_a_new_token_in_the_place_of_the_old_one(
    api: Api, settings: Settings
) -> None:
    path = settings.paths.admin_token
    before = path.read_text()
    told = subprocess.run(
        [sys.executable, "-m", "backend.api", "rotate-token"],
        env=os.environ | {"MAYE_HOME": str(settings.paths.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = path.read_text()
    assert after != before
    assert after.strip() not in told.stdout + told.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.glob(".admin-token*")] == []
