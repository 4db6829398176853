"""Commands that are started in several processes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_command(argv: list[str], folder: Path, processes: int, devices: int) -> list[subprocess.Popen]:
    """`lpg` in several processes with so many devices each; standard error goes to FOLDER-I.err."""
    command = [sys.executable, "-m", "lpg.cli.main", *argv, "--out", str(folder)]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu",
    }  # fmt: skip
    environment.pop("PJRT_NPROC", None)
    flags = ["--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", str(processes), "--process-id"]

    def one(index: int) -> subprocess.Popen:
        several = [*flags, str(index)] if processes > 1 else []
        with open(said(folder, index, "out"), "w") as out, open(said(folder, index), "w") as err:
            return subprocess.Popen([*command, *several], env=environment, text=True, stdout=out, stderr=err)

    return [one(index) for index in range(processes)]


def said(folder: Path, index: int, kind: str = "err") -> Path:
    return folder.with_name(f"{folder.name}-{index}.{kind}")


def end(processes: list[subprocess.Popen], seconds: float = 240) -> list[int]:
    try:
        return [one.wait(seconds) for one in processes]
    finally:
        for one in processes:
            one.kill()


def wait_for(condition) -> None:
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError
