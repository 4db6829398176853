"""What `analyse` and `reproduce` share: a rule's identity, a measured study, its findings in words."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.questions import QUESTIONS
from lpg.analysis.study import Claim, Measurement, Study, is_measured, run_study
from lpg.cli.progress import StepProgress
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import NamedRule


def identity(one: NamedRule) -> dict[str, Any]:
    """What a study must know of a rule: its label, and the fingerprint of its file, whatever the file's place."""
    path = one.path
    return {
        "rule": one.label,
        "rule_sha256": None if path is None else hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def measurement_of(question: str) -> Measurement:
    """How a question about one rule is measured.

    Raises:
        ValueError: the question is about meta-trainings.
    """
    measurement = QUESTIONS[question].measurement
    if measurement is None:
        raise ValueError(f"{question} is measured on meta-trainings, not on one rule")
    return measurement


def ask(question: str, one: NamedRule, config: Any, seed: int, folder: Path) -> Study:
    """Answers a question about a rule, or reads the answer that the folder holds.

    Args:
        config: an instance of the question's `Config`.

    Raises:
        ValueError: the folder holds another study.
    """
    measurement = measurement_of(question)
    wanted = {**identity(one), "seed": seed, **dataclasses.asdict(config)}

    train_config = TrainConfig().for_rule(one.card)

    def measure() -> Any:
        options: dict[str, Any] = {}
        if measurement.trained_updates is not None:
            num_steps = measurement.trained_updates(config) * train_config.steps_per_update
            options["config_for"] = lambda name: make_plan(one, name, num_steps=num_steps).config
        with StepProgress(f"{question} of {one.label}", config.steps) as progress:
            return measurement.measure(one.rule, config, train_config, seed, progress=progress.advance, **options)

    return run_study(QUESTIONS[question], wanted, folder, measure)


def check_folder(question: str, settings: dict[str, Any], folder: Path) -> None:
    """Refuses early a folder that holds another study.

    Raises:
        ValueError: it does.
    """
    is_measured(folder, json.loads(json.dumps({"question": question, **settings})))


def print_claims(claims: Sequence[Claim]) -> None:
    """Verdicts and findings, a paragraph each."""
    for claim in claims:
        print(f"{claim.verdict.upper()}: {claim.statement} ({claim.figure})")
        print(f"  found: {claim.found}")
        print(f"  criterion: {claim.criterion}")


def print_study(study: Study) -> None:
    """A study's findings and files."""
    print_claims(study.claims)
    if not study.is_new:
        print(f"read from {study.folder}, where it had been measured")
    for path in study.figures:
        print(f"figure: {path}")
