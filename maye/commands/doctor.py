"""`maye doctor`: what is wrong with an installation, and what to do."""

from dataclasses import asdict

import typer
from rich.text import Text

from maye.commands.help_texts import OPERATION, examples
from maye.commands.output import AsJson
from maye.commands.session import Session
from maye.doctor.diagnose import diagnose
from maye.doctor.findings import Finding, Status

COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.ERROR: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    add = app.command
    add(
        "doctor",
        rich_help_panel=OPERATION,
        epilog=examples("maye doctor", "MAYE_REDIS_URL=redis://:PASSWORD@HOST/0 maye doctor"),
    )(doctor)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Find what is wrong with this installation, and say what to do.

    Examines what the environment variables name: run it where the fault shows, with the same
    variables. Exit code 1 when something will not work; warnings alone leave it 0.
    """
    session = Session.of(context, as_json=as_json)
    with session.output.working("examining the installation"):
        findings = diagnose(session.environ)
    session.output.show([asdict(finding) for finding in findings], build_lines(findings))
    errors = sum(finding.status is Status.ERROR for finding in findings)
    warnings = sum(finding.status is Status.WARNING for finding in findings)
    session.output.say(f"{errors} errors, {warnings} warnings, {len(findings)} checks")
    raise typer.Exit(1 if errors else 0)


def build_lines(findings: list[Finding]) -> Text:
    """One line for each finding, and its cure below it."""
    text = Text()
    for finding in findings:
        text.append(f"{finding.status:<8}", style=COLOURS[finding.status])
        text.append(f" {finding.name:<14} {finding.found}\n")
        if finding.cure:
            text.append(f"{'':24}-> {finding.cure}\n", style="bold")
    text.rstrip()
    return text
