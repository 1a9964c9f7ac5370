"""All checks of an installation, in the order in which a person would cure them."""

from collections.abc import Callable, Mapping

from backend.contract.settings import Settings
from maye.doctor.api_checks import check_front_end, check_platform, check_port
from maye.doctor.database_checks import check_database
from maye.doctor.device_checks import check_devices
from maye.doctor.findings import Case, Finding
from maye.doctor.home_checks import (
    check_disk,
    check_file_system,
    check_open_files,
    check_shared_memory,
    check_tokens,
    check_writable,
)
from maye.doctor.package_checks import check_packages, check_python
from maye.doctor.redis_checks import check_broker
from maye.doctor.settings_checks import check_lease, check_names, check_values

CHECKS: tuple[Callable[[Case], Finding | list[Finding]], ...] = (
    check_python,
    check_packages,
    check_names,
    check_lease,
    check_writable,
    check_tokens,
    check_disk,
    check_file_system,
    check_shared_memory,
    check_open_files,
    check_front_end,
    check_port,
    check_broker,
    check_database,
    check_platform,
    check_devices,
)


def diagnose(environ: Mapping[str, str]) -> list[Finding]:
    """What all checks find; settings that cannot be read are the only finding, when there are."""
    findings = check_values(environ)
    if findings:
        return findings
    case = Case(environ, Settings.from_environment(environ))
    for check in CHECKS:
        answer = check(case)
        findings += answer if isinstance(answer, list) else [answer]
    return findings
