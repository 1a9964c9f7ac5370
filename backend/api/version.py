"""The version that the API tells."""

from importlib import metadata


def _find_version() -> str:
    try:
        return metadata.version("maye")
    except metadata.PackageNotFoundError:
        # A checkout that was not installed.
        return "0.0.0"


VERSION = _find_version()
