"""What `analyse` and `reproduce` share: a rule's identity, a measured study, its findings in words."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.claims import Claim
from lpg.analysis.questions import MEASUREMENTS, QUESTIONS
from lpg.analysis.study import Study, conduct, is_measured
from lpg.cli.progress import StepProgress
from lpg.cli.rules import Contestant


def identity(one: Contestant) -> dict[str, Any]:
    """What a study must know of a rule: its label, and the fingerprint of its file, whatever the file's place."""
    path = one.named.path
    return {
        "rule": one.label,
        "rule_sha256": None if path is None else hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def ask(question: str, one: Contestant, settings: Any, seed: int, folder: Path) -> Study:
    """Puts a question to a rule, or takes the answer that the folder holds.

    Args:
        settings: of the question's own kind.

    Raises:
        ValueError: the folder holds another study.
    """
    measurement = MEASUREMENTS[question]
    wanted = {**identity(one), "seed": seed, **dataclasses.asdict(settings)}

    def measure() -> Any:
        options: dict[str, Any] = {}
        if measurement.trained_updates is not None:
            updates = measurement.trained_updates(settings)
            options["setting"] = lambda name: one.chosen(name, updates).setting
        with StepProgress(f"{question} of {one.label}", settings.steps) as progress:
            return measurement.measure(one.named.rule, settings, one.sizes, seed, progress=progress.advance, **options)

    return conduct(QUESTIONS[question], wanted, folder, measure)


def check_folder(question: str, settings: dict[str, Any], folder: Path) -> None:
    """Refuses early a folder that holds another study.

    Raises:
        ValueError: it does.
    """
    is_measured(folder, json.loads(json.dumps({"question": question, **settings})))


def print_claims(claims: Sequence[Claim]) -> None:
    """Verdicts and findings, a paragraph each."""
    for claim in claims:
        print(f"{claim.verdict.upper()}: {claim.says} ({claim.figure})")
        print(f"  found: {claim.found}")
        print(f"  criterion: {claim.criterion}")


def print_study(study: Study) -> None:
    """A study's findings and files."""
    print_claims(study.claims)
    if not study.is_new:
        print(f"read from {study.folder}, where it had been measured")
    for path in study.figures:
        print(f"figure: {path}")
