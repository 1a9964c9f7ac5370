"""A real `maye up` in a folder of its own, with a tiny data set and a tiny random model."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from maye.client import Client
from maye.redis_server import find_free_port

ROOT = Path(__file__).resolve().parents[2]
DATASET = "tiny-sums"
MODEL = "tiny-random"
NUM_TRAIN = 8
FAST = {
    "MAYE_RELAY_S": "0.5",
    "MAYE_HEARTBEAT_S": "0.3",
    "MAYE_LEASE_S": "8",
    "MAYE_SELF_STOP_S": "6",
    "MAYE_CANCEL_GRACE_S": "1",
    # Threads that wait for each other suffer most on a busy machine.
    "OMP_NUM_THREADS": "1",
}


def wait_until(condition: Callable[[], object], *, timeout_s: float = 60.0) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@dataclass
class LivingPlatform:
    """A `maye up` and what belongs to it."""

    home: Path
    port: int = field(default_factory=find_free_port)
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Environment variables in place of FAST's."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
        return (
            clean
            | FAST
            | self.overrides
            | {"MAYE_HOME": str(self.home), "MAYE_PORT": str(self.port)}
        )

    @property
    def output(self) -> str:
        return (self.home.parent / "up.txt").read_text()

    def start(self) -> None:
        """Start and wait until it serves."""
        target = self.home.parent / "up.txt"
        target.write_text("")
        with target.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "maye", "up", "--no-workbench"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        process = self.process
        wait_until(lambda: "serving;" in self.output or process.poll() is not None)
        assert process.poll() is None, self.output

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60.0)

    def client(self) -> Client:
        return Client.from_environment(self.environment)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes of this platform whose command line holds all words."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                is_ours = process.environ().get("MAYE_HOME") == str(self.home) or (
                    str(self.home / "redis" / "redis.conf") in line
                    or any("redis-server" in word and str(self.home) in word for word in line)
                )
                is_alive = process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            if is_ours and is_alive and all(any(word in part for part in line) for word in words):
                found.append(process)
        return found

    def kill_service(self, name: str) -> None:
        """Kill a service by the id that the supervisor started."""
        module = {"worker": "worker.celery_app", "api": "backend.api"}.get(name)
        (service,) = self.processes(module) if module else self.redis()
        service.kill()

    def redis(self) -> list[psutil.Process]:
        """The private Redis: a child of the supervisor, whatever title it gives itself."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "redis-server" in child.name()]


def publish_tiny(platform: LivingPlatform) -> None:
    """Register the tiny data set and model."""
    folder = platform.home / "import"
    write_dataset(folder / DATASET)
    write_model(folder / MODEL)
    with platform.client() as client:
        client.post("datasets", {"folder": DATASET})
        client.post("models", {"folder": MODEL, "slug": MODEL, "title": "Tiny random model"})


def write_dataset(folder: Path) -> None:
    """A text-only data set in the import format."""
    folder.mkdir(parents=True)
    splits = {"train": range(NUM_TRAIN), "validation": range(20, 22), "test": range(30, 32)}
    for split, numbers in splits.items():
        lines = [
            {"id": f"{split}-{row}", "question": f"What is {number} + 1?", "image": None}
            | {"answer": str(number + 1)}
            for row, number in enumerate(numbers)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text)
    manifest = {
        "slug": DATASET,
        "title": "Tiny sums",
        "kind": "text-dominant",
        "licence": "CC0-1.0",
        "splits": {split: f"{split}.jsonl" for split in splits},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(manifest))


def write_model(folder: Path) -> None:
    """A random model of the real architecture; made in a process of its own, which needs torch."""
    code = (
        "import sys; from worker.workbench.model import build_image_processor, build_model\n"
        "from worker.workbench.tokenizer import train_tokenizer\n"
        "tokenizer = train_tokenizer(['What is 3 + 4? Answer in \\\\boxed{}. \\\\boxed{7}'])\n"
        "build_model(tokenizer, seed=0).save_pretrained(sys.argv[1])\n"
        "tokenizer.save_pretrained(sys.argv[1])\n"
        "build_image_processor().save_pretrained(sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True)


def tiny_config(*, epochs: int, seed: int = 0) -> dict[str, Any]:
    """A run of a few seconds: two RL steps an epoch."""
    return {
        "kind": "rl",
        "model": MODEL,
        "dataset": DATASET,
        "seed": seed,
        "epochs": epochs,
        "precision": "float32",
        "device": "cpu",
        "data": {"max_prompt_tokens": 256},
        "sampling": {"max_response_tokens": 4},
        "algorithm": {
            "responses_per_rl_step": NUM_TRAIN // 2,
            "responses_per_update": NUM_TRAIN // 2,
            "tokens_per_micro_batch": 2048,
        },
        "evaluation": {
            "every_epochs": epochs,
            "max_response_tokens": 4,
            "decoding": [{"k": 1, "temperature": 0.6}],
        },
        "checkpoint": {"every_rl_steps": 2},
    }
