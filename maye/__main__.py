"""The command line: `maye --help`."""

from maye.commands.app import main

if __name__ == "__main__":
    main()
