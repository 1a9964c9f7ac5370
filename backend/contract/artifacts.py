"""Where every file of the platform lies under MAYE_HOME. No path ever comes from a client."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    root: Path
    """`$MAYE_HOME/runs/{run_id}`."""

    @property
    def config(self) -> Path:
        """The resolved configuration, JSON."""
        return self.root / "config.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoint folders `step-{rl_step:08d}.f{fence}`."""
        return self.root / "checkpoints"

    @property
    def spools(self) -> Path:
        """Folder of spool files, one per attempt."""
        return self.root / "spool"

    def spool(self, fence: int) -> Path:
        """Append-only JSON lines of one attempt."""
        return self.spools / f"{fence:08d}.jsonl"

    def shipped(self, fence: int) -> Path:
        """How many bytes of an attempt's spool and log the API has acknowledged, JSON."""
        return self.spools / f"{fence:08d}.shipped.json"

    def log(self, fence: int) -> Path:
        """Standard output and error of one attempt's trainer."""
        return self.root / "log" / f"{fence:08d}.log"

    def failure(self, fence: int) -> Path:
        """Why the trainer gave up, JSON with `code` and `message`; absent unless it did."""
        return self.root / "log" / f"{fence:08d}.failure.json"


@dataclass(frozen=True, slots=True)
class Home:
    """The state folder of an installation."""

    root: Path
    """`$MAYE_HOME`."""

    def run(self, run_id: UUID) -> RunFolder:
        """Files of a run."""
        return RunFolder(self.root / "runs" / str(run_id))

    def dataset(self, slug: str) -> Path:
        """Folder of an imported data set: `{split}.jsonl` and `images/{sha256}`."""
        return self.root / "datasets" / slug

    def model(self, slug: str) -> Path:
        """Folder of a model in Hugging Face's layout."""
        return self.root / "models" / slug

    @property
    def admin_token(self) -> Path:
        """The token for people and scripts, mode 0600."""
        return self.root / "admin-token"

    @property
    def worker_token(self) -> Path:
        """The token for workers, mode 0600."""
        return self.root / "worker-token"
