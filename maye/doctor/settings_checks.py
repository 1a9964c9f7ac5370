"""The environment variables: known, in range, and in agreement with one another."""

import difflib
from collections.abc import Mapping

from pydantic import ValidationError

from backend.contract.settings import PREFIX, Settings
from maye.doctor.findings import Case, Finding, error, ok, warning

OTHERS = ("MAYE_TOKEN", "MAYE_CHROMIUM", "MAYE_POSTGRES_BIN", "MAYE_TEST_DATA")
"""Variables of the command line, then of the tests, which are no settings of the platform."""
HEARTBEATS_PER_LEASE = 4
"""A lease must outlive a few lost heartbeats."""


def check_values(environ: Mapping[str, str]) -> list[Finding]:
    """Values that cannot be; with any of these nothing else can be examined."""
    try:
        Settings.from_environment(environ)
    except ValidationError as problem:
        return [
            error(
                "settings",
                f"{_variable(entry['loc'])}={entry['input']!r}: {entry['msg']}",
                f"export {_variable(entry['loc'])}=... with a value that is allowed, "
                f"or `unset {_variable(entry['loc'])}` to take the default",
            )
            for entry in problem.errors()
        ]
    return []


def check_names(case: Case) -> Finding:
    """Variables that nobody reads."""
    known = [PREFIX + name.upper() for name in Settings.model_fields] + list(OTHERS)
    unknown = sorted(n for n in case.environ if n.startswith(PREFIX) and n not in known)
    if not unknown:
        given = sum(name in case.environ for name in known)
        return ok("settings", f"{given} MAYE_ variables are set, all known and in range")
    sentences, cures = [], []
    for name in unknown:
        (meant,) = difflib.get_close_matches(name, known, n=1) or [""]
        sentences.append(
            f"{name} is read by nobody" + (f": did you mean {meant}?" if meant else "")
        )
        cures.append(f"export {meant}=...; unset {name}" if meant else f"unset {name}")
    return error("settings", "; ".join(sentences), "; ".join(cures))


def check_lease(case: Case) -> Finding:
    """A runner renews its lease well before it ends, and stops itself before others take over."""
    settings = case.settings
    lease_s, stop_s, beat_s = settings.lease_s, settings.self_stop_s, settings.heartbeat_s
    found = f"MAYE_HEARTBEAT_S={beat_s:g}, MAYE_SELF_STOP_S={stop_s:g}, MAYE_LEASE_S={lease_s:g}"
    if not beat_s < stop_s < lease_s:
        return error(
            "lease",
            f"{found}: a runner would lose its run while it works. Needed: heartbeat < self-stop "
            "< lease",
            "unset MAYE_HEARTBEAT_S MAYE_SELF_STOP_S MAYE_LEASE_S (2, 24 and 30 s fit together)",
        )
    if beat_s * HEARTBEATS_PER_LEASE > lease_s:
        return warning(
            "lease",
            f"{found}: fewer than {HEARTBEATS_PER_LEASE} heartbeats fit into a lease, so a short "
            "silence loses runs",
            f"export MAYE_HEARTBEAT_S={lease_s / HEARTBEATS_PER_LEASE / 2:g}",
        )
    return ok("lease", found)


def _variable(place: tuple[int | str, ...]) -> str:
    return PREFIX + "_".join(map(str, place)).upper()
