"""A list of trainings on one machine: every line of a file is a command, and so many of them run at a time.

    python many_trainings.py trainings.txt --workers 2

    lpg meta-train laptop --seed 0 --out runs/seed-0
    lpg meta-train laptop --seed 1 --out runs/seed-1 --set prediction_entropy_weight=0

A command that fails or is killed is reported, and the others go on. Called again, only what is not done runs; the
folders of `lpg meta-train` and `lpg train` are resumed. Threads wait for processes: a pool of processes, joblib's for
example, gives up the whole list when one of its workers is killed.
"""

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    ledger, logs = (arguments.list.with_suffix(suffix) for suffix in (".done", ".logs"))
    done = ledger.read_text().splitlines() if ledger.exists() else []
    lines = [line.strip() for line in arguments.list.read_text().splitlines()]
    left = [line for line in lines if line and not line.startswith("#") and line not in done]
    logs.mkdir(exist_ok=True)
    cores = max(1, (os.cpu_count() or 1) // arguments.workers)
    failed = 0
    with ThreadPoolExecutor(arguments.workers) as pool, open(ledger, "a") as file:
        running = {pool.submit(run, line, logs / f"{lines.index(line)}.txt", cores): line for line in left}
        for one in as_completed(running):
            line, status = running[one], one.result()
            failed += status != 0
            print(f"{'done' if status == 0 else f'failed ({status})'}: {line}", flush=True)
            if status == 0:
                print(line, file=file, flush=True)
    sys.exit(1 if failed else 0)


def run(line: str, log: Path, cores: int) -> int:
    words = shlex.split(line)
    out = Path(words[words.index("--out") + 1]) if "--out" in words else None
    has_begun = out is not None and ((out / "config.json").exists() or (out / "checkpoints").is_dir())
    if words[:2] in (["lpg", "meta-train"], ["lpg", "train"]) and has_begun and "--resume" not in words:
        words.append("--resume")
    with open(log, "w") as file:
        return subprocess.run(words, stdout=file, stderr=subprocess.STDOUT,
                              env={"JAX_NUM_CPU_DEVICES": str(cores), **os.environ}).returncode  # fmt: skip


if __name__ == "__main__":
    main()
