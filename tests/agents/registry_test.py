"""The list of agents."""

from lpg.agents.registry import AGENTS


def test_the_papers_agent_for_indices_is_there():
    assert "tabular" in AGENTS and all(AGENTS.values())
