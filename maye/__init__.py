"""The command line and the Python client; they talk REST and start processes by argv."""

__version__ = "0.1.0"
