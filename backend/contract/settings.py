"""Deployment settings: environment variables to one frozen record. No hyperparameters here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backend.contract.artifacts import Home
from backend.contract.logs import LogFormat

PREFIX = "MAYE_"
WORKER_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""Names of workers: they stand in addresses and are names of files."""


class Settings(BaseModel):
    """What an operator decides; every field is the environment variable MAYE_<NAME>."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    home: Path = Path(".maye")
    """Folder of all state."""
    host: str = "127.0.0.1"
    """Address that the API listens on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port that the API listens on."""
    allowed_hosts: str = ""
    """Further Host headers that are accepted, comma-separated; local names always are."""
    api_url: str = "http://127.0.0.1:8000"
    """Where workers and the command line find the API."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite under MAYE_HOME."""
    database_statement_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """A statement that takes longer is given up (SQLite: reading only)."""
    database_pool_size: int = Field(default=20, ge=2, le=1000)
    """Most connections to the database that one API process opens."""
    database_pool_timeout_s: float = Field(default=5.0, gt=0, le=600)
    """How long a request waits for a free connection."""
    redis_url: str = ""
    """Broker URL; empty means that `maye up` starts a private Redis."""
    import_dir: Path | None = None
    """Folder whose sub-folders may be imported by name; default $MAYE_HOME/import."""
    static_dir: Path | None = None
    """Built front end; default the package's own, in a checkout frontend/dist."""
    worker_slots: int = Field(default=1, ge=1, le=1024)
    """Runs that one worker carries at a time on its CPU; its GPUs come on top."""
    worker_name: str = Field(default="", pattern=WORKER_NAME_PATTERN + "|^$")
    """Name of the worker; empty takes the host's name."""
    announce_s: float = Field(default=10.0, gt=0, le=30.0)
    """Seconds between two announcements of a worker; after 60 s of silence it counts as absent."""
    reward_entry_points: str = ""
    """Names of the installed rewards (entry points of `maye.rewards`) that runs may use on this
    worker, comma-separated; none by default."""
    lease_s: float = Field(default=30.0, gt=0)
    """How long a claim holds without a heartbeat."""
    heartbeat_s: float = Field(default=2.0, gt=0)
    """Seconds between two heartbeats of a runner."""
    self_stop_s: float = Field(default=24.0, gt=0)
    """A runner that could not renew for this long stops its trainer itself."""
    cancel_grace_s: float = Field(default=5.0, ge=0)
    """Seconds between asking a trainer to stop and killing its process group."""
    relay_s: float = Field(default=5.0, gt=0)
    """Seconds between two sweeps of the outbox and of expired leases."""
    ship_s: float = Field(default=0.2, gt=0)
    """Seconds between two looks at the spool."""
    max_attempts_without_progress: int = Field(default=3, ge=1)
    """Lost attempts in a row without a new checkpoint after which a run fails."""
    max_json_body_bytes: int = Field(default=1_048_576, ge=1024)
    """Largest JSON body of a request."""
    metrics_token: SecretStr = SecretStr("")
    """Token that opens /metrics and nothing else, for Prometheus; empty: the admin token alone."""
    min_free_disk_bytes: int = Field(default=2 * 2**30, ge=0)
    """Free space on the disk of MAYE_HOME below which no run is started; below twice that, a
    warning."""
    checkpoint_quota_bytes: int = Field(default=0, ge=0)
    """Space that checkpoints may take; beyond it, the oldest of ended runs go. 0: no limit."""
    keep_checkpoints_days: float = Field(default=0.0, ge=0)
    """Days after a run's end at which its checkpoints go, last and best included. 0: never."""
    keep_best_days: float = Field(default=30.0, ge=0)
    """Days after a run's end in which its last and best checkpoint stay, whatever the quota."""
    keep_samples_days: float = Field(default=0.0, ge=0)
    """Days after a run's end at which its training responses and traces go. 0: never."""
    retention_s: float = Field(default=300.0, gt=0)
    """Seconds between two looks at what has to go."""
    log_format: LogFormat = "text"
    """Logs for people (text), or one JSON object a line (json), which containers use."""
    max_upload_bytes: int = Field(default=2 * 2**30, ge=1024)
    """Largest file that may be uploaded: an archive of a run, a data set."""
    max_unpacked_bytes: int = Field(default=10 * 2**30, ge=1024)
    """Largest data set that an uploaded zip may hold, unpacked."""
    max_unpacked_files: int = Field(default=100_000, ge=1)
    """Most files that an uploaded zip may hold."""
    hub_enabled: bool = True
    """Whether data sets and models may be fetched from the Hugging Face hub."""
    hub_url: str = "https://huggingface.co"
    """Address of the hub, or of a mirror of it."""
    hub_token: SecretStr = SecretStr("")
    """Token for private and gated repositories; goes to the hub alone, never into a log."""
    hub_owners: str = ""
    """Users and organisations whose repositories may be fetched, comma-separated; empty: all."""
    max_hub_bytes: int = Field(default=200 * 2**30, ge=1024)
    """Largest total of the files that one import may fetch from the hub."""
    platform_name: str = ""
    """What archives of this platform's runs call it; empty means the name of its machine."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read MAYE_* variables.

        Raises:
            ValueError: a value out of range, by name.
        """
        known = {
            name: environ[PREFIX + name.upper()]
            for name in cls.model_fields
            if PREFIX + name.upper() in environ
        }
        return cls.model_validate(known)

    @property
    def paths(self) -> Home:
        """The folders under MAYE_HOME."""
        return Home(self.home.resolve())

    @property
    def resolved_database_url(self) -> str:
        """The database URL, SQLite under MAYE_HOME by default."""
        return self.database_url or f"sqlite:///{self.paths.root / 'maye.db'}"

    @property
    def resolved_import_dir(self) -> Path:
        """The folder of importable folders."""
        return (self.import_dir or self.paths.root / "import").resolve()
