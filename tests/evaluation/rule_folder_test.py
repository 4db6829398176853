"""Rules as folders of model hubs: they come back as they were, with their settings."""

import re

import jax
import numpy as np
import pytest

import lpg
from lpg.cli.main import main
from lpg.evaluation.rule_folder import export_rule
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.registry import find_rule, named_rule
from lpg.update_rules.rule_paths import shipped


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.parametrize("name", list(shipped()))
def test_a_shipped_rule_comes_back_with_card_and_settings(name, tmp_path):
    files = export_rule(name, tmp_path / "mine", license="apache-2.0")
    assert [path.name for path in files] == ["model.safetensors", "model.tuned.json", "README.md"]
    before, after = find_rule(name), named_rule(lpg.load_rule(tmp_path / "mine"))
    assert same(before.rule, after.rule) and before.card == after.card and after.name == "mine"
    environment = "chain/short" if name in ("lpg", "lpg-v") else "classic/CartPole-v1"
    plans = [make_plan(rule, environment, num_steps=10**5) for rule in (before, after)]
    assert plans[0].config == plans[1].config
    assert plans[1].chosen.level == (
        "general" if name in ("lpg-networks", "lpg-kick-start", "lpg-optimistic") else "tuned"
    )
    # The file itself will do, too, and a folder may be exported again.
    assert find_rule(tmp_path / "mine" / "model.safetensors").name == "mine"
    assert len(export_rule(tmp_path / "mine", tmp_path / "again")) == 3


def test_readme_begins_with_the_metadata_that_hubs_read(tmp_path):
    export_rule("lpg", tmp_path, license="mit")
    text = (tmp_path / "README.md").read_text()
    metadata = re.match(r"---\n(.*?)\n---\n\n# lpg\n", text, re.S)[1].splitlines()
    assert metadata[:4] == ["license: mit", "library_name: lpg", "pipeline_tag: reinforcement-learning", "tags:"]
    assert all(re.fullmatch("- [a-z-]+", line) for line in metadata[4:]) and "- pytorch" in metadata
    assert "| meta-updates | 50 |" in text and "| environment steps | 286,976,000 |" in text
    assert "| tabular/dense | " in text and "None" not in text and "{" not in text
    # Tables have as many cells in every row as in their head.
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.M):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_what_readme_says_can_be_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["export", "lpg-v", str(tmp_path / "out")]) == 0
    assert f"wrote {tmp_path / 'out' / 'model.safetensors'}" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "license" not in text and "lpg.torch" in text and "executes no code" in text
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    environment = re.search('environment="(.*?)"', code)[1]
    assert f"--suite {environment}" in text
    scope = {}
    exec(code.replace(f'"{environment}"', '"chain/short", num_steps=400'), scope)
    assert scope["result"].curve[0].rule == "out"
    assert main(["show", "."]) == 0 and "LPGV" in capsys.readouterr().out


def test_a_rule_without_file_or_card_is_exported_too(tmp_path):
    rule = init_lpg(jax.random.key(0), lstm_size=2, prediction_size=3)
    assert [path.name for path in export_rule(rule, tmp_path)] == ["model.safetensors", "README.md"]
    assert same(lpg.load_rule(tmp_path), rule)
    text = (tmp_path / "README.md").read_text()
    assert "Recorded settings" not in text and "meta-updates" not in text and "None" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a2c", "new"), "a2c given; a learned rule is needed"),
        (("lpg", "new", "Apache 2.0"), "license is 'Apache 2.0'"),
        (("lpg", "used"), "model.safetensors exists and has other content"),
        (("lpg", "file"), "is a file; a folder is needed"),
        (("lgp", "new"), "did you mean 'lpg'"),
    ],
)
def test_refusals_leave_everything_as_it_was(arguments, words, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "model.safetensors").write_text("another")
    (tmp_path / "file").write_text("a file")
    before = sorted(map(str, tmp_path.rglob("*")))
    rule, folder, *license = arguments
    with pytest.raises(ValueError, match=words) as caught:
        export_rule(rule, tmp_path / folder, license=license[0] if license else None)
    assert "\n" not in str(caught.value) and sorted(map(str, tmp_path.rglob("*"))) == before
    assert (tmp_path / "used" / "model.safetensors").read_text() == "another"
