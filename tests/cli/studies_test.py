"""A rule is known by its content: the same file elsewhere is the same rule, another one under its name is not."""

import jax
import pytest

from lpg.analysis.study import Claim
from lpg.cli.rules import named_rules
from lpg.cli.studies import check_folder, identity, print_claims
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule


def rule(path, seed: int):
    save_rule(path, init_lpg(jax.random.key(seed), lstm_size=2, prediction_size=2), {})
    return identity(named_rules([f"mine={path}"])[0])


def test_identity_is_label_and_content(tmp_path):
    one, same, other = (
        rule(tmp_path / "a.safetensors", 0),
        rule(tmp_path / "b.safetensors", 0),
        rule(tmp_path / "c.safetensors", 1),
    )
    assert one == same and one["rule"] == "mine"
    assert one["rule_sha256"] != other["rule_sha256"]
    assert identity(named_rules(["a2c"])[0]) == {"rule": "a2c", "rule_sha256": None}


def test_a_folder_with_another_study_is_refused_before_the_work(tmp_path):
    check_folder("ablation", {"seed": 0}, tmp_path / "new")
    (tmp_path / "settings.json").write_text('{"question": "ablation", "seed": 0}')
    check_folder("ablation", {"seed": 0}, tmp_path)
    with pytest.raises(ValueError, match="seed = 0, not 1"):
        check_folder("ablation", {"seed": 1}, tmp_path)


def test_claims_are_printed_with_their_criteria(capsys):
    claim = Claim(figure="Figure 6", statement="they meet", criterion="a tenth", found="a half", verdict="partly")
    print_claims([claim])
    assert capsys.readouterr().out.splitlines() == [
        "PARTLY: they meet (Figure 6)", "  found: a half", "  criterion: a tenth"
    ]  # fmt: skip
