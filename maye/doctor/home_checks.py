"""The folder of all state: writable, private, with room, and on a disk that SQLite can lock."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import psutil

from maye.doctor.findings import Case, Finding, error, ok, warning
from maye.doctor.package_checks import find_version

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
    }
)


def check_writable(case: Case) -> Finding:
    """A file can be made in MAYE_HOME."""
    folder = case.home.root
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            pass
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "it is a file, not a folder")
    except OSError as problem:
        return error(
            "home",
            f"MAYE_HOME {folder} cannot be written: {problem.strerror} (as user {os.geteuid()})",
            f'mkdir -p "$HOME/maye" && export MAYE_HOME="$HOME/maye"   # or: '
            f"sudo chown -R {os.geteuid()} {folder}",
        )
    return ok("home", f"MAYE_HOME {folder} can be written")


def check_tokens(case: Case) -> Finding:
    """Nobody else can read the tokens."""
    files = [p for p in (case.home.admin_token, case.home.worker_token) if p.is_file()]
    loose = [p for p in files if stat.S_IMODE(p.stat().st_mode) & 0o077]
    if loose:
        modes = ", ".join(f"{p} has mode {stat.S_IMODE(p.stat().st_mode):04o}" for p in loose)
        return error(
            "tokens",
            f"{modes}: others on this machine can read it and sign in",
            f"chmod 600 {' '.join(map(str, loose))}; then `maye token rotate`, if others may "
            "have read it",
        )
    if not files:
        return ok("tokens", f"none yet in {case.home.root}: the first start makes them")
    return ok("tokens", f"{', '.join(p.name for p in files)}: readable by their owner alone")


def check_disk(case: Case) -> Finding:
    """Room for checkpoints; below the least, no run is started."""
    folder, least = _nearest(case.home.root), case.settings.min_free_disk_bytes
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB are free under {folder}"
    wanted = f"{least / 2**30:.1f} GiB (MAYE_MIN_FREE_DISK_BYTES)"
    cure = (
        f"du -xsh {case.home.root}/runs/* | sort -h   # then `maye delete RUN`, or another disk by "
        "MAYE_HOME"
    )
    if free < least:
        return error("disk", f"{found}; below {wanted} no run is started", cure)
    if free < 2 * least:
        return warning("disk", f"{found}; that is near {wanted}, below which none is started", cure)
    return ok("disk", found)


def check_file_system(case: Case) -> Finding:
    """SQLite needs locks that network file systems do not keep."""
    folder = _nearest(case.home.root)
    kind = _file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS and not case.settings.database_url:
        return error(
            "file-system",
            f"{folder} lies on a network file system ({kind}), where SQLite loses its locks and "
            "its database",
            "export MAYE_DATABASE_URL=postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or "
            "MAYE_HOME on a local disk",
        )
    if kind in NETWORK_FILE_SYSTEMS:
        return ok("file-system", f"{folder} is shared ({kind}); the database is elsewhere")
    return ok("file-system", f"{folder} is on {kind or 'a disk of unknown kind'}")


def check_shared_memory(case: Case) -> Finding:
    """Processes of several GPUs pass tensors through /dev/shm."""
    del case
    folder = Path("/dev/shm")
    if find_version("torch") is None:
        return ok("shared-memory", "not needed: this machine does not train")
    if not folder.is_dir():
        return warning("shared-memory", "there is no /dev/shm", "mount -t tmpfs tmpfs /dev/shm")
    size = shutil.disk_usage(folder).total
    if size < 2**30:
        return warning(
            "shared-memory",
            f"/dev/shm has {size / 2**20:.0f} MiB; runs on several GPUs need 1 GiB or more",
            "mount -o remount,size=8G /dev/shm   # in a container: docker run --shm-size 8g",
        )
    return ok("shared-memory", f"/dev/shm has {size / 2**30:.1f} GiB")


def check_open_files(case: Case) -> Finding:
    """Every browser and every shard of a model takes file handles."""
    del case
    soft, _ = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)
    if 0 < soft < 1024:
        return warning("open-files", f"at most {soft} open files are allowed", "ulimit -n 65536")
    return ok("open-files", f"{soft} open files are allowed")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _file_system(folder: Path) -> str:
    """Kind of file system that holds a folder; empty when the system does not tell."""
    mounts = psutil.disk_partitions(all=True)
    holding = [m for m in mounts if folder.is_relative_to(m.mountpoint)]
    return max(holding, key=lambda m: len(m.mountpoint)).fstype if holding else ""
