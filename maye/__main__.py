"""The command line: `maye --help`."""

import argparse
import os
import sys
from collections.abc import Mapping

from pydantic import ValidationError
from rich.console import Console

from maye.client import Client
from maye.demo import demonstrate, serve
from maye.errors import CommandError
from maye.import_commands import import_dataset, import_model
from maye.run_commands import (
    cancel_run,
    export_run,
    launch,
    list_runs,
    print_log,
    resume_run,
    show_run,
)

EPILOG = """\
Environment: MAYE_HOME is the folder of all state (default .maye), MAYE_HOST and MAYE_PORT say where
`up` and `demo` serve, MAYE_API_URL and MAYE_TOKEN where the other commands connect (default: the
platform of MAYE_HOME).
"""


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="maye",
        description="Train vision-language models by reinforcement learning from the browser.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the platform and serve until Ctrl-C")
    up.add_argument(
        "--no-workbench",
        dest="has_workbench",
        action="store_false",
        help="do not publish the workbench's data sets and model",
    )
    demo = commands.add_parser("demo", help="start the platform, run a preset and show the result")
    demo.add_argument(
        "--preset",
        default="quickstart-experiment",
        help="preset of an experiment or a run (default: quickstart-experiment)",
    )
    demo.add_argument("--seed", type=int, help="the one seed (default: the preset's)")
    commands.add_parser("runs", help="list runs")
    run = commands.add_parser("run", help="look at one run")
    run.add_argument("action", choices=("show", "cancel", "log"))
    run.add_argument("id", help="id of the run, from `maye runs`")
    resume = commands.add_parser("resume", help="let a failed or cancelled run go on")
    resume.add_argument("id", help="id of the run, from `maye runs`")
    resume.add_argument(
        "--force",
        action="store_true",
        help="in spite of what has changed since its newest checkpoint",
    )
    export = commands.add_parser(
        "export", help="write what a run of this machine has learnt as a Hugging Face model folder"
    )
    export.add_argument("id", help="id of the run, from `maye runs`")
    export.add_argument(
        "--checkpoint",
        default="last",
        help="name of a checkpoint, best (by validation accuracy) or last (default: last)",
    )
    start = commands.add_parser("launch", help="submit a run")
    start.add_argument("--preset", required=True, help="preset to begin with")
    start.add_argument("--seed", type=int, help="seed of the run (default: the preset's)")
    start.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="change a value, for example algorithm.clip_low=0.1 (may be repeated)",
    )
    where = "name of a folder under MAYE_IMPORT_DIR (default $MAYE_HOME/import)"
    dataset = commands.add_parser("import-dataset", help="import a data set with a dataset.yaml")
    dataset.add_argument("folder", help=where)
    model = commands.add_parser("import-model", help="register a model in Hugging Face's layout")
    model.add_argument("folder", help=where)
    model.add_argument("--slug", help="unique name (default: the folder's)")
    model.add_argument("--title", help="name for people (default: the slug)")
    return parser


def execute(options: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    """Carry out a command; its exit status.

    Raises:
        CommandError: it cannot be carried out.
    """
    if options.command == "up":
        return serve(environ, console, has_workbench=options.has_workbench)
    if options.command == "demo":
        return demonstrate(environ, console, preset=options.preset, seed=options.seed)
    if options.command == "export":
        return export_run(environ, options.id, checkpoint=options.checkpoint)
    with Client.from_environment(environ) as client:
        if options.command == "runs":
            list_runs(client, console)
        elif options.command == "launch":
            launch(
                client,
                console,
                preset=options.preset,
                seed=options.seed,
                assignments=options.assignments,
            )
        elif options.command == "import-dataset":
            import_dataset(client, console, folder=options.folder)
        elif options.command == "import-model":
            slug = options.slug or options.folder
            title = options.title or slug
            import_model(client, console, folder=options.folder, slug=slug, title=title)
        else:
            _act_on_run(client, console, options)
    return 0


def _act_on_run(client: Client, console: Console, options: argparse.Namespace) -> None:
    if options.command == "resume":
        resume_run(client, options.id, console, is_forced=options.force)
    elif options.action == "show":
        show_run(client, options.id, console)
    elif options.action == "cancel":
        cancel_run(client, options.id, console)
    else:
        print_log(client, options.id)


def main() -> int:
    """Entry point; problems that a person can solve are told without a traceback."""
    options = build_parser().parse_args()
    try:
        return execute(options, os.environ, Console(soft_wrap=True))
    except CommandError as error:
        print(f"maye: {error}", file=sys.stderr)
    except ValidationError as error:
        for problem in error.errors():
            where = "_".join(map(str, problem["loc"])).upper()
            print(
                f"maye: MAYE_{where}: {problem['msg']} (got {problem['input']!r})", file=sys.stderr
            )
    return 1


if __name__ == "__main__":
    sys.exit(main())
