"""The Hugging Face hub: which files a repository has at a commit, and fetching some of them.

Only the operator's address is asked (MAYE_HUB_URL); a client names a repository, never an address
or a path. The library follows the hub's own redirects and keeps the token from other hosts.
"""

import errno
import re
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from backend.contract.errors import (
    DiskFullError,
    ForbiddenError,
    HubUnavailableError,
    InvalidInputError,
    NotFoundError,
)
from backend.contract.settings import Settings

RepoKind = Literal["dataset", "model"]
ANSWER_S = 20.0
"""Longest wait for the hub's list of a repository."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"[A-Za-z0-9_][A-Za-z0-9._ ()+,=@-]{0,127}"
_PATH = re.compile(rf"({_PART}/){{0,7}}{_PART}")
"""Files that are fetched have such names; others are as if they were not there."""
KINDS: Mapping[RepoKind, str] = {"dataset": "data set", "model": "model"}


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository at one commit."""

    kind: RepoKind
    repo_id: str
    commit: str
    """Forty hexadecimal digits: what the revision stood for when it was looked up."""
    size_of: Mapping[str, int]
    """File to its size in bytes."""

    @property
    def source(self) -> str:
        """How imports name it."""
        return f"hub {self.repo_id}@{self.commit}"


def find_repo(settings: Settings, kind: RepoKind, repo_id: str, revision: str) -> Repo:
    """Look up a repository.

    Args:
        settings: Hold address, token and who may be fetched from.
        kind: Data set or model.
        repo_id: Owner and name.
        revision: Branch, tag or commit.

    Raises:
        ForbiddenError: The operator does not allow the hub or this owner, or the hub wants a token.
        NotFoundError: There is no such repository or revision.
        HubUnavailableError: The hub cannot be reached.
    """
    _check_allowed(settings, repo_id)
    api = _load("huggingface_hub").HfApi(endpoint=settings.hub_url, token=_token(settings))
    with _told(settings, kind, repo_id, revision):
        about = api.repo_info(
            repo_id, revision=revision, repo_type=kind, timeout=ANSWER_S, files_metadata=True
        )
    commit = str(about.sha)
    if not _COMMIT.fullmatch(commit):
        raise HubUnavailableError(f"the hub named no commit of {repo_id!r}: {commit[:60]!a}")
    size_of = {
        str(file.rfilename): int(file.size or 0)
        for file in about.siblings or ()
        if _PATH.fullmatch(str(file.rfilename))
    }
    return Repo(kind, repo_id, commit, size_of)


def fetch(settings: Settings, repo: Repo, names: Iterable[str], target: Path) -> None:
    """Fetch files of a repository, each to its place below `target`.

    Args:
        settings: Hold address, token and the largest total.
        repo: Where from.
        names: Files of `repo.size_of`.
        target: A folder.

    Raises:
        InvalidInputError: They are larger than allowed.
        DiskFullError: The disk has no room for them.
        NotFoundError: A file has gone meanwhile.
        HubUnavailableError: The hub cannot be reached any more, or gave another file.
    """
    wanted = sorted(names)
    num_bytes = sum(repo.size_of[name] for name in wanted)
    if num_bytes > settings.max_hub_bytes:
        raise InvalidInputError(
            f"{repo.repo_id} has {num_bytes} bytes in {len(wanted)} files, allowed "
            f"{settings.max_hub_bytes} (MAYE_MAX_HUB_BYTES)"
        )
    free_bytes = shutil.disk_usage(target).free
    if num_bytes > free_bytes:
        raise DiskFullError(
            f"{repo.repo_id} has {num_bytes} bytes, the disk of MAYE_HOME has {free_bytes} free"
        )
    hub = _load("huggingface_hub")
    _load("huggingface_hub.utils").disable_progress_bars()
    for name in wanted:
        with _told(settings, repo.kind, repo.repo_id, repo.commit):
            hub.hf_hub_download(
                repo.repo_id,
                name,
                repo_type=repo.kind,
                revision=repo.commit,
                local_dir=target,
                endpoint=settings.hub_url,
                token=_token(settings),
            )
        got_bytes = (target / name).stat().st_size
        if got_bytes != repo.size_of[name]:
            raise HubUnavailableError(
                f"{name} of {repo.repo_id} has {got_bytes} bytes, the hub had listed "
                f"{repo.size_of[name]}: try again"
            )


def _check_allowed(settings: Settings, repo_id: str) -> None:
    if not settings.hub_enabled:
        raise ForbiddenError(
            "the operator does not allow the hub (MAYE_HUB_ENABLED); put the folder under "
            "MAYE_IMPORT_DIR instead"
        )
    owners = {owner.strip() for owner in settings.hub_owners.split(",") if owner.strip()}
    owner = repo_id.partition("/")[0]
    if owners and owner not in owners:
        raise ForbiddenError(
            f"the operator allows repositories of {', '.join(sorted(owners))} alone "
            f"(MAYE_HUB_OWNERS), got {owner!r}"
        )


def _load(module: str) -> Any:
    """A module that loads at its first use: most platforms never ask the hub."""
    return cast(Any, import_module(module))


def _token(settings: Settings) -> str | Literal[False]:
    """The operator's token; False keeps the library from looking for others on this machine."""
    return settings.hub_token.get_secret_value() or False


@contextmanager
def _told(settings: Settings, kind: RepoKind, repo_id: str, revision: str) -> Generator[None]:
    """Say in words what went wrong; the library's own texts name addresses and headers."""
    errors = _load("huggingface_hub.errors")
    what = f"{KINDS[kind]} {repo_id!r}"
    try:
        yield
    except errors.GatedRepoError as e:
        raise ForbiddenError(
            f"the {what} is gated: accept its terms on the hub and set MAYE_HUB_TOKEN"
        ) from e
    except errors.RepositoryNotFoundError as e:
        raise NotFoundError(
            f"the hub has no {what}, or it is private and MAYE_HUB_TOKEN has no access"
        ) from e
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError) as e:
        raise NotFoundError(f"the {what} has no revision {revision!r} with these files") from e
    except errors.HFValidationError as e:
        raise InvalidInputError(f"{repo_id!r} is no name of a repository") from e
    except (errors.HTTPError, errors.FileMetadataError, OSError) as e:
        if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        status = getattr(getattr(e, "response", None), "status_code", None)
        reason = type(e).__name__ if status is None else f"it answered {status}"
        raise HubUnavailableError(
            f"the hub ({urlsplit(settings.hub_url).netloc}) cannot be reached from this machine: "
            f"{reason}; put the folder under MAYE_IMPORT_DIR instead"
        ) from e
