"""The only list of agent names."""

AGENTS: dict[str, str] = {
    "tabular": "a table of policy preferences and predictions, one row per state; plain gradient descent",
}
