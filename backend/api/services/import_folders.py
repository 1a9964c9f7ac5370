"""The operator's folder of things to import; a client names a folder in it, never a path."""

import re
from pathlib import Path

from backend.contract.errors import NotFoundError
from backend.contract.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def find_folder(settings: Settings, name: str) -> Path:
    """The folder of that name, directly inside the import folder.

    Raises:
        NotFoundError: there is none, or it is a link.
    """
    root = settings.resolved_import_dir
    folder = root / name
    is_named_well = _NAME.fullmatch(name) is not None
    if not is_named_well or folder.is_symlink() or not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {name!a} in the import folder (MAYE_IMPORT_DIR): "
            "links do not count"
        )
    return folder
