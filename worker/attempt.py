"""The command line of a trainer, and what it leaves behind when the run cannot succeed.

A trainer talks to nobody: everything it reports goes to the run's spool. Exit status 0 means that
the run is complete; 1 that it cannot succeed, with the reason in the attempt's failure file; 74 the
same where the disk was full, which may have kept the reason from being written.
"""

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from typing import Protocol
from uuid import UUID

from transformers.utils.logging import disable_progress_bar

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import parse_config
from backend.contract.disk import EXIT_DISK_FULL, MAKE_ROOM, is_full
from backend.contract.errors import DiskFullError, PlatformError
from worker.leash import die_with_parent
from worker.out_of_memory import CODE as OUT_OF_MEMORY
from worker.out_of_memory import describe, is_out_of_memory

log = logging.getLogger(__name__)


class Run(Protocol):
    """Trains a run in its folder, as the attempt of a fence."""

    def __call__(self, home: Home, folder: RunFolder, fence: int, *, is_forced: bool) -> None:
        """Raises PlatformError when the run cannot succeed."""
        ...


def main(module: str, run: Run) -> int:
    """Parse `--home HOME --run RUN_ID --fence N` and train.

    Args:
        module: Name of the trainer's module, for the usage.
        run: Trains.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="MAYE_HOME, the state folder")
    parser.add_argument("--run", type=UUID, required=True, help="id of the run")
    parser.add_argument("--fence", type=int, required=True, help="the attempt's fence")
    parser.add_argument(
        "--force-resume", action="store_true", help="go on in spite of what has changed"
    )
    arguments = parser.parse_args()
    is_one_of_several = "TORCHELASTIC_RUN_ID" in os.environ
    if is_one_of_several:
        die_with_parent()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    disable_progress_bar()
    home = Home(arguments.home.resolve())
    folder = home.run(arguments.run)
    try:
        run(home, folder, arguments.fence, is_forced=arguments.force_resume)
    except PlatformError as error:
        return _give_up(folder, arguments.fence, error.code, error.message)
    except OSError as error:
        if not is_full(error):
            raise
        log.exception("the disk is full")
        return _give_up(folder, arguments.fence, DiskFullError.code, f"{error}: {MAKE_ROOM}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        log.exception("out of memory")
        cfg = parse_config(json.loads(folder.config.read_text()))
        return _give_up(folder, arguments.fence, OUT_OF_MEMORY, describe(error, cfg))
    if is_one_of_several:
        # The threads of torch's connections now and then abort a process that has done its work
        # and is being torn down; everything it had to say is on the disk.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
    return 0


def _give_up(folder: RunFolder, fence: int, code: str, message: str) -> int:
    log.error("%s: %s", code, message)
    file = folder.failure(fence)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x") as opened:
            opened.write(json.dumps({"code": code, "message": message}))
    except FileExistsError:
        log.info("another device has failed first: its reason is the one that is told")
    except OSError as error:
        # Whoever reads an empty file goes by the exit status.
        log.error("the reason could not be written down: %s", error)
    return EXIT_DISK_FULL if code == DiskFullError.code else 1
