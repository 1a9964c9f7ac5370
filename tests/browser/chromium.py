"""A real Chromium, headless."""

import os
import shutil

import pytest
from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch_chromium(playwright: Playwright) -> Browser:
    """The system's Chromium; its absence is a failure, never a skip."""
    candidates = (os.environ.get("MAYE_CHROMIUM", ""), *NAMES)
    found = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"no Chromium found (looked for MAYE_CHROMIUM, {', '.join(NAMES)})")
    return playwright.chromium.launch(executable_path=found, args=list(FLAGS))
