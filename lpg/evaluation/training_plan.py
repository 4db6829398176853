"""What a training will be, before it begins: environment, agent and configuration, and whether they fit."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from lpg.agents.custom import is_custom
from lpg.agents.registry import TABULAR
from lpg.checks import known
from lpg.evaluation.backend import Backend, GymnasiumOptions, TrainingPlan
from lpg.evaluation.chosen_config import ChosenConfig, Settings, choose_config
from lpg.evaluation.disco_backend import DiscoBackend
from lpg.evaluation.gymnasium_backend import GymnasiumBackend
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.rejax_backend import RejaxBackend
from lpg.evaluation.search_space import predicts_values
from lpg.evaluation.train_config import TrainConfig, check_key
from lpg.learner.gymnasium_environments import is_gymnasium
from lpg.update_rules.disco.rule import Disco
from lpg.update_rules.library_algorithm import LibraryAlgorithm
from lpg.update_rules.lpg import LPG
from lpg.update_rules.proximal import check_step_limits
from lpg.update_rules.registry import NamedRule, check_entropy_weight


def make_plan(
    rule: NamedRule,
    environment: str,
    *,
    num_steps: int | float | None = None,
    steps_scale: float = 1.0,
    agent: str | None = None,
    chosen: ChosenConfig | None = None,
    settings: Settings = "tuned",
    changes: Mapping[str, Any] | None = None,
    num_actions: int | None = None,
    options: GymnasiumOptions | None = None,
) -> TrainingPlan:
    """Decides everything that is not given, and finds out what does not fit.

    Args:
        environment: `family/name` of the registry, `module:factory`, `gymnasium/ANY-ID` or `atari/GAME`.
        num_steps: environment steps, all parallel environments together; none: the environment's own budget.
        steps_scale: share of them.
        agent: which agent learns; none: the environment's own.
        chosen: how it is trained; none: a recorded configuration, else the defaults.
        settings: which recorded one, see `lpg.evaluation.chosen_config.choose_config`.
        changes: fields of the configuration to change.
        num_actions: which version of a grid, 9 or 18 (the default).
        options: of Gymnasium environments and Atari games.

    Raises:
        ValueError: there is no such environment or kind of settings, the agent or an option does not fit it, or a value
            is out of range.
    """
    known(settings, get_args(Settings), "settings")
    backend = backend_of(environment, num_actions, options)
    if isinstance(rule.rule, LibraryAlgorithm | Disco):
        if not isinstance(backend, JaxBackend):
            raise ValueError(f"{rule.label} on {environment} given; it trains on environments in JAX only")
        own = DiscoBackend if isinstance(rule.rule, Disco) else RejaxBackend
        backend = own(environment, num_actions)
    num_steps = backend.default_steps if num_steps is None else num_steps
    if not num_steps > 0:
        raise ValueError(f"num_steps is {num_steps}; it must be positive")
    num_steps = num_steps * steps_scale
    agent = agent or backend.default_agent
    if chosen is None:
        chosen = choose_config(rule, environment, num_steps, agent, own=backend.default_agent, settings=settings)
    chosen = dataclasses.replace(chosen, config=chosen.config.for_rule(rule.card))
    if changes:
        _check_changes(changes, rule, agent)
        config = dataclasses.replace(chosen.config, **changes)
        check_step_limits(changes, rule.rule, rule.label, clip_policy=config.clip_policy)
        chosen = chosen if config == chosen.config else ChosenConfig(config, f"{chosen.source}, changed")
    if is_custom(agent) and "initial_value" not in (changes or {}):  # it begins as its factory says
        chosen = dataclasses.replace(chosen, config=dataclasses.replace(chosen.config, initial_value=0.0))
    backend.check(agent, rule.rule, chosen.config)
    return TrainingPlan(
        rule=rule,
        environment=environment,
        agent=agent,
        chosen=chosen,
        num_updates=chosen.config.num_updates(num_steps),
        backend=backend,
    )


def backend_of(environment: str, num_actions: int | None = None, options: GymnasiumOptions | None = None) -> Backend:
    """The backend of an environment by name.

    Raises:
        ValueError: there is no such environment, or something is given that it does not have.
    """
    if not isinstance(environment, str):
        raise ValueError(
            f"environment is {environment}; a name is needed: register it and give 'gymnasium/' and its id"
        )
    if is_gymnasium(environment):
        if num_actions is not None:
            raise ValueError(f"num_actions is {num_actions}; {environment} has its own actions, only grids come in two")
        return GymnasiumBackend(environment, options)
    if options is not None:
        names = ", ".join(field.name for field in dataclasses.fields(options))
        raise ValueError(f"{names}: options of gymnasium/* and atari/* given, and {environment} is neither")
    return JaxBackend(environment, num_actions)


def _check_changes(changes: Mapping[str, Any], rule: NamedRule, agent: str) -> None:
    """Whether all are fields of the configuration, and none has no effect."""
    for name in changes:
        check_key(name)
        known(name, [field.name for field in dataclasses.fields(TrainConfig)], "key")
    check_entropy_weight(changes.get("policy_entropy_weight", 0.0), rule.rule, rule.label)
    if isinstance(rule.rule, LPG) and "lambda_" in changes:
        raise ValueError(
            f"lambda_ is {changes['lambda_']}; {rule.label} does not use it, only rules with a value function do"
        )
    if is_custom(agent) and changes.get("initial_value", 0.0) != 0:
        raise ValueError(
            f"initial_value is {changes['initial_value']} and the agent {agent!r}; 0 is needed, because a custom "
            "agent's factory says how its predictions begin"
        )
    # A rule that was meta-trained with initial values knows what they mean.
    has_seen = any((rule.card.get("config") or {}).get("initial_values", ()))
    if changes.get("initial_value", 0.0) != 0 and not (predicts_values(rule.rule, rule.card) or has_seen):
        raise ValueError(
            f"initial_value is {changes['initial_value']}; 0 is needed, because predictions under {rule.label} are no "
            "values"
        )
    if agent != TABULAR and "table_step" in changes:
        raise ValueError(f"table_step is {changes['table_step']}; it is for tables, and {agent} is a network")
