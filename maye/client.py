"""Python client of a Maye server: REST over httpx, JSON in and out.

with Client.from_environment(os.environ) as maye:
    run = maye.launch_preset("quickstart", seed=1)
    print(maye.wait(run["id"])["status"])
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import httpx

from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from maye.errors import CommandError, NobodyAnswersError, NotSignedInError

Json = dict[str, Any]
"""A JSON object as the server sends it; see /api/v1/openapi.json."""
POLL_S = 1.0


class ServerError(CommandError):
    """The server refused a request."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status."""
        self.code = code
        """Stable error code."""


class AwayError(NobodyAnswersError):
    """Nobody answers at the address."""


class Client:
    """A signed-in connection to a server."""

    def __init__(self, address: str, token: str, *, timeout_s: float = 60.0) -> None:
        """Connect.

        Args:
            address: for example http://127.0.0.1:8000.
            token: the one in $MAYE_HOME/admin-token.
            timeout_s: longest wait for an answer.
        """
        self.address = address.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.address}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_s,
            trust_env=False,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, timeout_s: float = 60.0) -> Self:
        """Connect to the server of MAYE_API_URL or of MAYE_HOME, with MAYE_TOKEN or its token file.

        Raises:
            NotSignedInError: no token was found.
        """
        settings = Settings.from_environment(environ)
        home = settings.paths
        address = settings.api_url
        served_at = home.root / "address"
        if "MAYE_API_URL" not in environ and served_at.is_file():
            address = served_at.read_text(encoding="ascii").strip()
        token = environ.get("MAYE_TOKEN", "")
        if not token:
            try:
                token = home.admin_token.read_text(encoding="ascii").strip()
            except OSError as error:
                raise NotSignedInError(
                    f"no token: MAYE_TOKEN is not set and {home.admin_token} cannot be read "
                    f"({error.strerror}). Start the platform with `maye up`, or set MAYE_HOME to "
                    "the folder of a running one"
                ) from error
        return cls(address, token, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        """GET a resource under /api/v1/."""
        return self._send(
            "GET", path, params={key: text for key, text in query.items() if text is not None}
        )

    def post(self, path: str, body: Json | None = None) -> Any:
        """POST to a resource under /api/v1/."""
        return self._send("POST", path, json=body if body is not None else {})

    def runs(self) -> Iterator[Json]:
        """All runs, newest first."""
        cursor = None
        while True:
            page = self.get("runs", cursor=cursor)
            yield from page["runs"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def run(self, run_id: str) -> Json:
        """A run with its configuration."""
        return self.get(f"runs/{run_id}")

    def launch(self, name: str, config: Json, *, preset: str | None = None) -> Json:
        """Submit a run."""
        return self.post("runs", {"name": name, "config": config, "preset": preset})

    def launch_preset(
        self,
        preset: str,
        *,
        seed: int | None = None,
        name: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Json:
        """Submit a preset.

        Args:
            preset: slug of the preset.
            seed: in place of the preset's seed.
            name: name of the run; the preset's title and the seed by default.
            changes: values by dotted path, for example `{"algorithm.clip_low": 0.1}`.

        Raises:
            CommandError: no such preset, it cannot be launched now, or a path is unknown.
        """
        entry = _find_preset(self.presets(), preset)
        config = entry["config"]
        for path, value in (changes or {}).items():
            _set_path(config, path, value)
        if seed is not None:
            config["seed"] = seed
        name = name or f"{entry['title']}, seed {config['seed']}"
        return self.launch(name, config, preset=preset)

    def presets(self) -> list[Json]:
        """Ready configurations."""
        return self.get("presets")

    def cancel(self, run_id: str) -> Json:
        """Ask a run to stop."""
        return self.post(f"runs/{run_id}/cancel")

    def resume(self, run_id: str, *, is_forced: bool = False) -> Json:
        """Queue a failed or cancelled run again; force goes on in spite of what has changed."""
        return self.post(f"runs/{run_id}/resume", {"force": is_forced})

    def log(self, run_id: str) -> Json:
        """The end of a run's log."""
        return self.get(f"runs/{run_id}/log")

    def metric_keys(self, run_id: str) -> list[Json]:
        """The metrics that a run has logged."""
        return self.get(f"runs/{run_id}/metrics")

    def series(self, run_id: str, key: str, *, max_points: int = 2000) -> list[Json]:
        """Points of a metric, in order of rl_step."""
        (found,) = self.get(f"runs/{run_id}/series", keys=key, max_points=max_points)
        return found["points"]

    def experiments(self) -> Iterator[Json]:
        """All experiments, newest first."""
        cursor = None
        while True:
            page = self.get("experiments", cursor=cursor)
            yield from page["experiments"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def experiment(self, experiment_id: str) -> Json:
        """An experiment with its runs."""
        return self.get(f"experiments/{experiment_id}")

    def launch_experiment(self, spec: Json) -> Json:
        """Queue all runs of an experiment; see `backend/contract/experiments.py`."""
        return self.post("experiments", spec)

    def experiment_presets(self) -> list[Json]:
        """Ready experiments."""
        return self.get("presets/experiments")

    def launch_experiment_preset(self, preset: str, *, seeds: Sequence[int] | None = None) -> Json:
        """Queue a ready experiment.

        Args:
            preset: slug of the preset.
            seeds: in place of the preset's seeds.

        Raises:
            CommandError: no such preset, or it cannot be launched now.
        """
        entry = _find_preset(self.experiment_presets(), preset)
        spec = entry["spec"]
        return self.launch_experiment(spec if seeds is None else {**spec, "seeds": list(seeds)})

    def cancel_experiment(self, experiment_id: str) -> Json:
        """Ask all its runs that have not ended to stop."""
        return self.post(f"experiments/{experiment_id}/cancel")

    def rerun(self, experiment_id: str, run_id: str) -> Json:
        """Queue a new run in the place of one that has ended: the cell with the new one."""
        return self.post(f"experiments/{experiment_id}/runs/{run_id}/rerun")

    def report(self, experiment_id: str, *, spread: str = "population") -> Json:
        """Table, figures and findings; spread is population or sample."""
        return self.get(f"experiments/{experiment_id}/report", spread=spread)

    def wait(self, run_id: str) -> Json:
        """Wait for the end of a run."""
        while not RunStatus((run := self.run(run_id))["status"]).is_terminal:
            time.sleep(POLL_S)
        return run

    def _send(self, method: str, path: str, **arguments: Any) -> Any:
        """A request and its JSON answer.

        Raises:
            AwayError: nobody answered.
            ServerError: the server refused.
        """
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise AwayError(
                f"no answer from {self.address} ({type(error).__name__}). Is the platform running "
                "(`maye up`), and is MAYE_API_URL right?"
            ) from error
        if response.is_success:
            return response.json() if response.content else None
        raise _error_of(f"{method} {path}", response)


def _find_preset(presets: Sequence[Json], slug: str) -> Json:
    """The preset of a slug.

    Raises:
        CommandError: there is none, or it cannot be launched now.
    """
    found = next((entry for entry in presets if entry["slug"] == slug), None)
    if found is None:
        allowed = ", ".join(sorted(entry["slug"] for entry in presets)) or "none"
        raise CommandError(f"there is no preset {slug!r} (allowed: {allowed})")
    if found["unavailable_because"]:
        raise CommandError(f"preset {slug} cannot be launched: {found['unavailable_because']}")
    return found


def _error_of(what: str, response: httpx.Response) -> ServerError:
    """The exception for an answer that is not a success."""
    code, detail, fields = "", response.text[:500], []
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        code, detail, fields = problem["code"], problem["detail"], problem.get("fields", [])
    lines = [f"{what} was refused ({response.status_code} {code}): {detail}"]
    for field in fields:
        where = ".".join(map(str, field["path"]))
        lines.append(f"  {where}: {field['message']} (got {field['got']})")
    return ServerError("\n".join(lines), status=response.status_code, code=code)


def _set_path(config: Json, path: str, value: Any) -> None:
    """Replace a value that exists.

    Raises:
        CommandError: there is no such field.
    """
    *parents, last = path.split(".")
    part: Any = config
    for name in parents:
        part = part.get(name) if isinstance(part, dict) else None
    if not isinstance(part, dict) or last not in part:
        allowed = ", ".join(sorted(part)) if isinstance(part, dict) else "no fields"
        raise CommandError(f"the configuration has no field {path!r} (allowed there: {allowed})")
    part[last] = value
