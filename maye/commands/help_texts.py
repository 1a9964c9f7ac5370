"""The panels of `maye --help`, and how examples are written below a command's help."""

PLATFORM = "Platform"
RUNS = "Runs"
EXPERIMENTS = "Experiments"
LIBRARY = "Data sets and models"
FILES = "Files"
OPERATION = "Operation"

ABOUT = """\
Train vision-language models by reinforcement learning, and understand what they see.

MAYE_HOME is the folder of all state (default: .maye). MAYE_HOST and MAYE_PORT say where up and \
demo serve, MAYE_API_URL and MAYE_TOKEN where the other commands connect (default: the platform \
of MAYE_HOME)."""
EXIT_CODES = """\
Exit codes: 0 done; 1 failed or refused; 2 wrong usage; 3 nobody answers; 4 not signed in; \
130 Ctrl-C."""


def examples(*lines: str) -> str:
    r"""The text below a command's help.

    >>> examples("maye runs", "maye runs --json")
    'Examples:\n\n  maye runs\n\n  maye runs --json'
    """
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
