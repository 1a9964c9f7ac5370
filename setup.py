"""The wheel's one build step of our own: what `backend/api/front_end.py` serves goes inside."""

import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FRONT_END = ROOT / "frontend" / "dist"
DOCUMENTATION = ROOT / "site"


class BuildWithFrontEnd(build_py):
    """Copies what a checkout serves from folders beside the code into the package."""

    def run(self) -> None:
        """Build the packages, then add the folders; an editable installation needs neither."""
        if self.editable_mode:
            super().run()
            return
        has_front_end = not os.environ.get("WITHOUT_FRONT_END")
        if has_front_end and not (FRONT_END / "index.html").is_file():
            raise FileNotFoundError(
                f"{FRONT_END} holds no built front end, and a wheel without it serves no "
                "dashboard: build the wheel by `make wheel` (for workers alone, who serve nothing, "
                "WITHOUT_FRONT_END=1 leaves it out)"
            )
        # What an earlier build left there, modules deleted since included, would be packed too.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        inside = Path(self.build_lib) / "backend" / "api"
        if has_front_end:
            shutil.copytree(FRONT_END, inside / "static")
        if (DOCUMENTATION / "index.html").is_file():
            shutil.copytree(DOCUMENTATION, inside / "site")


setup(cmdclass={"build_py": BuildWithFrontEnd})
