"""The running platform: who holds the port, who answers, which version, which workers."""

import importlib.util
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import psutil

import maye
from maye.client import Client
from maye.doctor.findings import Case, Finding, error, ok, warning
from maye.errors import CommandError, NobodyAnswersError, NotSignedInError

TIMEOUT_S = 10.0
MOST_SKEW_S = 10.0
"""Clocks may differ so much before sessions and logs confuse people."""


def check_port(case: Case) -> Finding:
    """MAYE_PORT is free, or this installation serves there."""
    settings, host = case.settings, case.settings.host
    if not case.is_on_this_machine:
        return ok("port", f"the API is elsewhere: {case.api_url}")
    if settings.port == 0 or _is_free(host, settings.port):
        return ok("port", f"port {settings.port} of {host} is free")
    served_at = case.home.root / "address"
    if served_at.is_file() and case.api_url.endswith(f":{settings.port}") and _is_maye(case):
        return ok("port", f"this installation serves at {case.api_url}")
    found = f"port {settings.port} of {host} is taken by {_find_holder(settings.port)}"
    cure = f"MAYE_PORT={settings.port + 1} maye up"
    if "MAYE_PORT" in case.environ:
        return error("port", f"{found} (MAYE_PORT)", cure)
    return warning("port", f"{found}: `maye up` takes another one", cure)


def check_front_end(case: Case) -> Finding:
    """The dashboard's files are there."""
    if not case.is_on_this_machine and case.settings.static_dir is None:
        return ok("front-end", f"the API is elsewhere: {case.api_url}")
    folders = [case.settings.static_dir] if case.settings.static_dir else _front_end_folders()
    for folder in folders:
        if (folder / "index.html").is_file():
            return ok("front-end", f"built, in {folder}")
    return error(
        "front-end",
        f"no index.html in {' or '.join(map(str, folders)) or 'the package'}: the dashboard "
        "cannot be served",
        "make up   # in a checkout; else `pip install` the wheel of `make wheel`, and "
        "`unset MAYE_STATIC_DIR`",
    )


def check_platform(case: Case) -> list[Finding]:
    """Who answers at the API's address; when it is ours, all that it can tell."""
    try:
        answer = httpx.get(f"{case.api_url}/readyz", timeout=TIMEOUT_S, trust_env=False)
    except (httpx.TransportError, httpx.InvalidURL) as problem:
        return [_judge_silence(case, problem)]
    if "host_not_allowed" in answer.text:
        host = httpx.URL(case.api_url).host
        return [
            error(
                "api",
                f"the API at {case.api_url} refuses the host name {host}",
                f"export MAYE_ALLOWED_HOSTS={host}   # where the API runs, then start it again",
            )
        ]
    try:
        told = answer.json()
        state, words = told["status"], f"database {told['database']}, broker {told['broker']}"
    except (ValueError, TypeError, KeyError):
        return [
            error(
                "api",
                f"something else answers at {case.api_url} (HTTP {answer.status_code})",
                "export MAYE_API_URL=http://HOST:PORT of the platform",
            )
        ]
    make = {"ok": ok("api", f"{case.api_url} answers: {words}")}
    finding = make.get(
        state, error("api", f"{case.api_url} is {state}: {words}", "maye doctor   # on its machine")
    )
    return [finding, _check_clock(answer), *_ask_signed_in(case)]


def _judge_silence(case: Case, problem: Exception) -> Finding:
    found = f"nobody answers at {case.api_url} ({problem})"
    if case.is_on_this_machine:
        return warning("api", f"{found}: the platform is not running", "maye up")
    return error("api", f"{found} (MAYE_API_URL)", f"curl {case.api_url}/healthz")


def _check_clock(answer: httpx.Response) -> Finding:
    here, there = datetime.now(UTC), parsedate_to_datetime(answer.headers["date"])
    skew_s = (here - there).total_seconds()
    # The header has whole seconds.
    if not -MOST_SKEW_S < skew_s < MOST_SKEW_S + 1:
        return warning(
            "clock",
            f"this machine's clock is {skew_s:+.0f} s off that of the API",
            "sudo timedatectl set-ntp true   # on both machines",
        )
    return ok("clock", "in step with the API's")


def _ask_signed_in(case: Case) -> list[Finding]:
    """Version and workers, which are told to people with a token alone."""
    try:
        with Client.from_environment(case.environ, timeout_s=TIMEOUT_S) as client:
            version = client.get("openapi.json")["info"]["version"]
            workers = client.get("workers")
    except NotSignedInError as problem:
        return [
            error(
                "token",
                str(problem),
                f"export MAYE_HOME=... of the platform at {case.api_url}, or MAYE_TOKEN=...",
            )
        ]
    except NobodyAnswersError as problem:
        return [error("api", str(problem), "maye doctor   # again")]
    except CommandError as problem:
        return [error("api", f"it refuses to tell about itself: {problem}", "maye logs")]
    return [_check_version(case, version), _check_workers(workers, version)]


def _check_version(case: Case, version: str) -> Finding:
    if version != maye.__version__:
        return error(
            "version",
            f"the API at {case.api_url} is of version {version}, this command of "
            f"{maye.__version__}",
            f"pip install maye=={version}",
        )
    return ok("version", f"API and command line are both {version}")


def _check_workers(workers: list[dict[str, object]], version: str) -> Finding:
    there = [worker for worker in workers if worker["state"] != "absent"]
    if not there:
        gone = ", ".join(f"{w['name']} was last seen {w['last_seen_at']}" for w in workers)
        return error(
            "worker",
            f"no worker is there{': ' + gone if gone else ''}: runs stay queued",
            "maye worker",
        )
    other = [
        f"{worker['name']} has {told.get('maye')}"
        for worker in there
        if isinstance(told := worker["versions"], dict) and told.get("maye", version) != version
    ]
    if other:
        return error(
            "worker",
            f"{', '.join(other)}; the API has {version}",
            f"pip install 'maye[worker]=={version}'   # on those machines; then start them again",
        )
    return ok("worker", ", ".join(f"{worker['name']} is {worker['state']}" for worker in there))


def _is_maye(case: Case) -> bool:
    try:
        answer = httpx.get(f"{case.api_url}/healthz", timeout=TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.is_success


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _find_holder(port: int) -> str:
    """The process that listens at a port, in words."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pids = [
            c.pid for c in connections if c.status == "LISTEN" and c.laddr and c.laddr.port == port
        ]
        process = psutil.Process(next(filter(None, pids)))
        return f"process {process.pid} ({' '.join(process.cmdline())[:80]})"
    except (psutil.Error, StopIteration):
        return "a process of another user"


def _front_end_folders() -> list[Path]:
    """Where `backend/api/front_end.py` looks: inside the package, then in a checkout."""
    spec = importlib.util.find_spec("backend")
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    return [
        folder
        for root in roots
        for folder in (root / "api" / "static", root.parent / "frontend" / "dist")
    ]
