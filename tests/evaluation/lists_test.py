"""Lists of what there is: their names are those that everything else takes."""

from lpg.environments.registry import env_spec
from lpg.evaluation.lists import list_agents, list_configs, list_environments, list_rules, list_suites
from lpg.evaluation.suites import members
from lpg.meta_training.config_file import load_config
from lpg.update_rules.registry import FROM_FILES, find_algorithm


def test_names_are_known_and_all_say_what_they_are():
    assert all(find_algorithm(name).label == name for name in list_rules().keys() - FROM_FILES)
    assert all(members(name) for name in list_suites())
    assert all(load_config(name).meta_updates > 0 for name in list_configs())
    assert env_spec("tabular/dense") and "tabular/dense" in list_environments()
    for entries in (list_rules(), list_suites(), list_configs(), list_environments(), list_agents()):
        assert len(entries) > 1 and all(about.strip() for about in entries.values())


def test_a_list_may_be_changed_without_harm():
    list_agents().clear()
    assert "tabular" in list_agents()
