"""Where every file of the platform lies under MAYE_HOME. No path ever comes from a client."""

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

_TRACE_NAME = re.compile(r"^step-(\d{8})\.f(\d+)\.safetensors$")


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
    def exports(self) -> Path:
        """Folder of exported models, named as the checkpoints that they were made of."""
        return self.root / "export"

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

    @property
    def traces(self) -> Path:
        """Folder of traced RL steps, one file each (`backend/contract/traces.py`)."""
        return self.root / "traces"

    def trace(self, rl_step: int, fence: int) -> Path:
        """Trace of one RL step by one attempt."""
        return self.traces / f"step-{rl_step:08d}.f{fence}.safetensors"

    def find_traces(self) -> dict[int, Path]:
        """RL step to its trace by the newest attempt, oldest step first."""
        found: dict[int, tuple[int, Path]] = {}
        for path in self.traces.glob("step-*.safetensors"):
            match = _TRACE_NAME.match(path.name)
            if match is not None:
                rl_step, fence = int(match[1]), int(match[2])
                found[rl_step] = max(found.get(rl_step, (0, path)), (fence, path))
        return {rl_step: path for rl_step, (_, path) in sorted(found.items())}

    @property
    def answers(self) -> Path:
        """Folder of judged answers of evaluations, for an attempt that goes on with one."""
        return self.root / "answers"

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
    def temporary(self) -> Path:
        """Folder of files without a name, such as an upload while it arrives."""
        return self.root / "tmp"

    @property
    def admin_token(self) -> Path:
        """The token for people and scripts, mode 0600."""
        return self.root / "admin-token"

    @property
    def worker_token(self) -> Path:
        """The token for workers, mode 0600."""
        return self.root / "worker-token"
