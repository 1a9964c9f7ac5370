"""`maye watch`: a run's curves and progress, until it ends."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from backend.contract.runs import RunStatus
from maye.charts import draw_charts
from maye.client import AwayError, Client, Json, ServerError
from maye.client.waiting import AWAY_STATUSES
from maye.commands.completion import RunArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson, Output
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.errors import WrongUsageError
from maye.progress import Estimate, PlainProgress, describe_left, describe_run

DEFAULT_KEYS = (
    "training/accuracy",
    "training/sft_loss",
    "response/num_tokens",
    "policy/kl",
    "reflection/reflection_ratio",
)
"""Of these, the ones that the run has logged."""
MOST_CHARTS = 8
MAX_POINTS = 400
POLL_S = 1.0
LINES_BESIDE_CHARTS = 7
INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "watch",
        rich_help_panel=RUNS,
        epilog=examples(
            "maye watch last", "maye watch 3f2a --keys training/accuracy,policy/entropy"
        ),
    )(watch)


def watch(
    context: typer.Context,
    run: RunArgument,
    keys: Annotated[
        str,
        typer.Option(
            help="Metrics to draw, comma-separated: names, or keys with their labels.",
            show_default=False,
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Follow a run with charts until it ends; Ctrl-C leaves it running.

    The exit code is 0 when the run has succeeded. Without a terminal there is a line every 10 s.
    """
    session = Session.of(context, as_json=as_json)
    wanted = [name.strip() for name in keys.split(",") if name.strip()]
    with session.connect() as client:
        if wanted:
            check_names(wanted, client)
        found = follow(session, client, resolve_run(client, run), keys=wanted or DEFAULT_KEYS)
    session.output.show(found)
    raise typer.Exit(describe_end(session.output, found))


def check_names(wanted: Sequence[str], client: Client) -> None:
    """Refuse names that no run can log.

    Raises:
        WrongUsageError: names them, and what is allowed.
    """
    allowed = sorted(metric["name"] for metric in client.metric_catalogue())
    unknown = [name for name in wanted if name.partition("{")[0] not in allowed]
    if unknown:
        raise WrongUsageError(
            f"--keys got {', '.join(unknown)}; there are the metrics {', '.join(allowed)}"
        )


def follow(
    session: Session, client: Client, run_id: str, *, keys: Sequence[str] = DEFAULT_KEYS
) -> Json:
    """Show a run until it ends; the run as it has ended.

    Raises:
        Exit: Ctrl-C; the run goes on.
        CommandError: the platform refused.
    """
    output = session.output
    console = output.errors if output.is_json else output.console
    view = View(client, run_id, keys)
    try:
        return _follow_live(view, console) if console.is_terminal else _follow_plain(view, console)
    except KeyboardInterrupt:
        output.say(
            f"the run goes on: `maye watch {run_id[:8]}` shows it again, "
            f"`maye cancel {run_id[:8]}` stops it"
        )
        raise typer.Exit(INTERRUPTED) from None


def describe_end(output: Output, run: Json) -> int:
    """Say how a run has ended; the exit code of whoever waited for it."""
    if run["status"] == RunStatus.SUCCEEDED:
        output.say(f"{run['name']} succeeded")
        return 0
    why = run["reason"] or "no reason was given"
    output.warn(f"maye: {run['name']} {run['status']} ({run['error_code'] or 'no code'}): {why}")
    return 1


@dataclass(slots=True)
class View:
    """What is known of a run, and what of it is shown."""

    client: Client
    run_id: str
    keys: Sequence[str]
    run: Json | None = None
    series: Sequence[Json] = ()
    away_since: float | None = None
    """Monotonic time since which nobody answers; None while somebody does."""
    estimate: Estimate = field(default_factory=Estimate)
    bar: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            expand=True,
        )
    )

    @property
    def has_ended(self) -> bool:
        """Whether the run has."""
        return self.run is not None and RunStatus(self.run["status"]).is_terminal

    def look(self, *, with_series: bool) -> None:
        """Ask the platform; one that is away is asked again later.

        Raises:
            ServerError: it refused.
        """
        try:
            run = self.client.run(self.run_id)
            has_news = self.run is None or run["rl_step"] != self.run["rl_step"]
            if with_series and (has_news or RunStatus(run["status"]).is_terminal):
                self.series = self._load_series()
            self.run, self.away_since = run, None
        except (AwayError, ServerError) as error:
            if isinstance(error, ServerError) and error.status not in AWAY_STATUSES:
                raise
            self.away_since = self.away_since or time.monotonic()

    def _load_series(self) -> Sequence[Json]:
        logged = [entry["key"] for entry in self.client.metric_keys(self.run_id)]
        wanted = [
            key for name in self.keys for key in logged if name in (key, key.partition("{")[0])
        ]
        if not wanted:
            return ()
        query = {"keys": wanted[:MOST_CHARTS], "max_points": MAX_POINTS}
        return self.client.connection.get(f"runs/{self.run_id}/series", query)

    def describe(self) -> str:
        """Phase, accuracy and time left in words."""
        if self.away_since is not None:
            away_s = time.monotonic() - self.away_since
            return f"the platform does not answer: waiting for it ({away_s:.0f} s)"
        if self.run is None:
            return ""
        left = describe_left(self.estimate.left_s(self.run))
        return ", ".join([*describe_run(self.run), *left])

    def draw(self, console: Console) -> RenderableType:
        """All of it for a terminal."""
        run = self.run
        if run is None:
            return Text(self.describe())
        for task in self.bar.task_ids:
            self.bar.update(task, completed=run["rl_step"], total=run["total_rl_steps"])
        parts: list[RenderableType] = [
            Text(f"{run['name']} ({run['id'][:8]}): {run['status']}", style="bold"),
            Text(self.describe(), style="yellow" if self.away_since is not None else ""),
            self.bar.get_renderable(),
        ]
        if self.series:
            height = console.height - LINES_BESIDE_CHARTS - len(run["alarms"])
            parts.append(draw_charts(self.series, width=console.width, height=height))
        parts += [Text(f"! {alarm['text']}", style="yellow") for alarm in run["alarms"]]
        return Group(*parts)


def _follow_live(view: View, console: Console) -> Json:
    view.bar.add_task("RL steps", total=None)
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            view.look(with_series=True)
            live.update(view.draw(console))
            if view.run is not None and view.has_ended:
                return view.run
            time.sleep(POLL_S)


def _follow_plain(view: View, console: Console) -> Json:
    plain = PlainProgress(console)
    while True:
        view.look(with_series=False)
        run, words = view.run, view.describe()
        if view.away_since is not None:
            plain.show("away", words)
        elif run is not None:
            steps = f"RL step {run['rl_step']} of {run['total_rl_steps'] or '?'}"
            plain.show(f"{run['status']} {run['phase']}", f"{steps}: {words}")
        if run is not None and view.has_ended:
            return run
        time.sleep(POLL_S)
