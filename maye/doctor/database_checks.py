"""The database, asked in a process of the API's code: only that may open it."""

import importlib.util
import json
import subprocess
import sys

from maye.doctor.findings import Case, Finding, error, ok, warning
from maye.doctor.package_checks import find_version

TIMEOUT_S = 60.0
CURES = {
    "unreachable": "pg_isready -h HOST -p PORT   # start the server, or correct MAYE_DATABASE_URL",
    "password": "export MAYE_DATABASE_URL=postgresql+psycopg://USER:PASSWORD@HOST/DATABASE with "
    "the user's password",
    "missing": "createdb --host HOST --username USER DATABASE   # or correct MAYE_DATABASE_URL",
    "url": "export MAYE_DATABASE_URL=postgresql+psycopg://USER:PASSWORD@HOST/DATABASE",
    "newer": "pip install --upgrade maye   # or restore a backup from before the update: "
    "`maye restore FILE`",
    "read_only": "GRANT the user of MAYE_DATABASE_URL the rights to write; for SQLite: "
    "chmod u+w $MAYE_HOME/maye.db",
    "broken": "maye restore FILE   # from the newest backup",
}


def check_database(case: Case) -> Finding:
    """Reachable, of a schema that this version knows, and writable."""
    if not case.is_on_this_machine and not case.settings.database_url:
        return ok("database", f"the API at {case.api_url} has it; this machine does not open it")
    if find_version("sqlalchemy") is None or importlib.util.find_spec("backend") is None:
        return ok("database", "this machine does not serve (maye[api] is not installed)")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "backend.database.check"],
            env=dict(case.environ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return error("database", f"no answer within {TIMEOUT_S:g} s", CURES["unreachable"])
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        return error("database", f"it could not be examined: {last}", "maye doctor --json")
    told = json.loads(done.stdout)
    state, detail = told["state"], told["detail"]
    if state == "older":
        return warning(
            "database", f"{detail}: the next start migrates it", "maye backup FILE   # before that"
        )
    return error("database", detail, CURES[state]) if state in CURES else ok("database", detail)
