"""Several meta-trainings in one folder: each goes on where it stopped, and what is finished stays as it is."""

import dataclasses

import pytest

from lpg.analysis.meta_runs import Variant, is_finished, run_folder, train_variants, validations
from lpg.meta_training.run import run
from lpg.meta_training.trainer import DivergenceError
from tests.tiny_run import TINY

CONFIG = dataclasses.replace(TINY, suite="chain/short", num_lifetimes=2, meta_updates=2, validation_every=1)


class Silent:
    """Accepts every call and keeps the notes."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def step(self, state, values, flags):
        pass


def train(folder, variants, heard, **options):
    def listener(name, config):
        heard.append(name)
        return Silent()

    return train_variants(
        variants, folder, listener=listener, validator=lambda config: lambda rule: 0.5,
        **{"seeds": [0], "minutes": None, **options},
    )  # fmt: skip


@pytest.mark.thorough
def test_variants_are_trained_once_and_their_validations_collected(tmp_path):
    variants = {"whole": CONFIG, "flat": dataclasses.replace(CONFIG, rule="lpg-no-recurrence")}
    heard = []
    assert train(tmp_path, variants, heard)
    assert heard == ["whole", "flat"]
    assert all(is_finished(run_folder(tmp_path, name, 0), config) for name, config in variants.items())
    curves = validations(tmp_path, ["whole", "flat", "absent"], [0])
    assert curves["variant"].tolist() == ["whole", "whole", "flat", "flat"]
    assert curves["meta_update"].tolist() == [1, 2, 1, 2] and set(curves["score"]) == {0.5}
    # Again: nothing is left to do; with one more meta-update the folder holds another configuration and is refused.
    assert train(tmp_path, variants, heard) and heard == ["whole", "flat"]
    longer = {"whole": dataclasses.replace(CONFIG, meta_updates=3)}
    assert not is_finished(run_folder(tmp_path, "whole", 0), longer["whole"])
    with pytest.raises(ValueError, match="meta_updates"):
        train(tmp_path, longer, heard)
    # With a second seed only the second is new.
    heard.clear()
    assert train(tmp_path, {"whole": CONFIG}, heard, seeds=[0, 1]) and heard == ["whole"]
    assert validations(tmp_path, ["whole"], [0, 1])["seed"].tolist() == [0, 0, 1, 1]


@pytest.mark.thorough
def test_a_budget_of_time_ends_it_and_it_goes_on_later(tmp_path):
    heard = []
    assert not train(tmp_path, {"whole": CONFIG}, heard, minutes=1e-9)
    assert not is_finished(run_folder(tmp_path, "whole", 0), CONFIG)
    assert validations(tmp_path, ["whole"], [0])["score"].size == 0
    assert train(tmp_path, {"whole": CONFIG}, heard)
    assert is_finished(run_folder(tmp_path, "whole", 0), CONFIG)


@pytest.mark.thorough
def test_one_that_diverges_is_given_up_and_the_next_has_its_turn(tmp_path, monkeypatch):
    told = {}

    def listener(name, config):
        told[name] = Silent()
        return told[name]

    def diverging(config, *arguments, **options):
        if config.rule == "lpg-no-recurrence":
            raise DivergenceError("η is not finite")
        return run(config, *arguments, **options)

    monkeypatch.setattr("lpg.analysis.meta_runs.run", diverging)
    variants = {"wild": dataclasses.replace(CONFIG, rule="lpg-no-recurrence"), "whole": CONFIG}
    assert not train_variants(
        variants, tmp_path, seeds=[0], minutes=None, listener=listener, validator=lambda config: lambda rule: 0.5
    )
    assert told["wild"].notes == ["wild, seed 0, is given up: η is not finite"]
    assert is_finished(run_folder(tmp_path, "whole", 0), CONFIG)


def test_a_variant_changes_what_it_says_and_nothing_else():
    changed = Variant("flat", "", {"rule": "lpg-no-recurrence"}).of(CONFIG)
    assert changed == dataclasses.replace(CONFIG, rule="lpg-no-recurrence")
    with pytest.raises(ValueError, match="did you mean"):
        Variant("typo", "", {"rul": "lpg"}).of(CONFIG)
