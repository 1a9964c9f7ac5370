"""Writes `.env.example` from the settings; `--check` only says whether it is as they are.

.venv/bin/python docker/write_env_example.py [--check]
"""

import sys
import textwrap
from pathlib import Path

from pydantic_core import PydanticUndefined

from backend.contract.settings import PREFIX, Settings

TARGET = Path(__file__).resolve().parents[1] / ".env.example"
UNITS = {"_s": "seconds", "_bytes": "bytes"}
FIXED = frozenset(
    {"home", "host", "port", "api_url", "database_url", "redis_url", "import_dir", "static_dir"}
)
"""Settings that docker-compose.yml and the images give themselves."""
HEAD = """\
# Settings of Maye. `docker compose` reads them from a file .env beside docker-compose.yml:
#   cp .env.example .env && chmod 600 .env
# then fill in the two passwords. Without docker they are environment variables of `maye up`,
# `maye worker` and `python -m backend.api`. Lines that begin with # show the default.
# `docker/write_env_example.py` writes this file from backend/contract/settings.py.

# ---- docker compose alone ----

# Password of the database, letters and digits; no default. Make one: openssl rand -hex 24
POSTGRES_PASSWORD=

# Password of Redis, letters and digits; no default. Make one: openssl rand -hex 24
REDIS_PASSWORD=

# Which worker is started: gpu, or cpu on a machine without an NVIDIA GPU. Default: none.
COMPOSE_PROFILES=gpu

# Address of this machine at which the dashboard is published. Default: this machine alone; put a
# proxy that speaks HTTPS in front before others may reach it.
#PUBLISH_ADDRESS=127.0.0.1

# Port at which the dashboard is published. Default: 8000.
#PUBLISH_PORT=8000
"""


def describe() -> str:
    """The whole file."""
    ours = [name for name in Settings.model_fields if name not in FIXED]
    theirs = [name for name in Settings.model_fields if name in FIXED]
    parts = [HEAD, "# ---- the platform ----", *map(_describe_field, ours)]
    parts += ["# ---- given by docker-compose.yml; for starts without docker ----"]
    return "\n\n".join(part.strip("\n") for part in [*parts, *map(_describe_field, theirs)]) + "\n"


def _describe_field(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default is PydanticUndefined:
        raise ValueError(f"the setting {name} has no default to show")
    unit = next((text for suffix, text in UNITS.items() if name.endswith(suffix)), "")
    default = "" if field.default is None else str(field.default)
    meaning = " ".join((field.description or "").split())
    told = f"{meaning} {f'Unit: {unit}. ' if unit else ''}Default: {default or 'empty'}."
    return f"{textwrap.fill(told, 98, initial_indent='# ', subsequent_indent='# ')}\n" + (
        f"#{PREFIX}{name.upper()}={default}"
    )


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    if arguments == ["--check"]:
        if TARGET.read_text(encoding="utf-8") == describe():
            return 0
        sys.stderr.write(f"{TARGET} is not as the settings are: run {Path(__file__).name}\n")
        return 1
    TARGET.write_text(describe(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
