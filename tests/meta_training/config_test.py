import dataclasses

import pytest

from lpg.meta_training.config import MetaConfig


def test_the_defaults_are_the_papers_values():
    # Table 2: 64 environments × 20 steps, K = 5, Adam at 1e-4, β = ({.01, .02}, 1e-3, 1e-3, 1e-3), τ = .1, ρ = .2;
    # 960 lifetimes = 64 × 15 environments. Table 3: α_lr and α_y for tables.
    config = MetaConfig()
    assert (config.num_envs, config.num_steps, config.num_updates) == (64, 20, 5)
    assert config.steps_per_update == 1280
    assert config.lifetimes_per_environment * 15 == 960
    assert config.meta_learning_rate == 1e-4
    assert config.policy_entropy_weights == (0.01, 0.02)
    assert (config.prediction_entropy_weight, config.pi_hat_weight, config.y_hat_weight) == (1e-3, 1e-3, 1e-3)
    assert (config.bandit_temperature, config.bandit_exploration) == (0.1, 0.2)
    assert (config.learning_rates, config.y_weights) == ((20, 40, 80), (0.1, 0.5, 1))
    assert config.gammas == (0.997, 0.995, 0.99)
    assert (config.lstm_size, config.prediction_size, config.embedding_size) == (256, 30, 16)


def test_it_is_frozen_and_hashable_so_that_programs_can_depend_on_it():
    assert hash(MetaConfig()) == hash(MetaConfig())
    with pytest.raises(dataclasses.FrozenInstanceError):
        MetaConfig().num_envs = 3


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"suite": "tabular/dens"}, "did you mean"),
        ({"meta_optimizer": "es", "objective": "imitate", "num_updates": 1}, "gradient is needed"),
        ({"meta_optimizer": "es", "es_fitness": "end"}, "lifetime_updates None; the last two must be equal"),
        ({"meta_optimizer": "es", "es_std": 0.0}, "es_std is 0.0"),
        ({"num_envs": 0}, "num_envs is 0"),
        ({"rule": "lpg-no-softmax"}, "prediction_entropy_weight is 0.001"),
        ({"num_steps": 1}, "num_steps is 1; expected int >= 2 .*looks one step ahead"),
        ({"num_updates": 5, "lifetime_updates": 4}, "whole windows"),
        ({"num_updates": 5, "min_lifetime_updates": 4}, "min_lifetime_updates is 4; at least num_updates = 5"),
        ({"trained_weights": "time"}, "trained_weights is time and rule lpg; ta-lpg is needed"),
        ({"lifetime_scale": 1.5}, "lifetime_scale is 1.5"),
        ({"gammas": ()}, r"gammas is \[\]; expected array of length >= 1"),
        ({"gammas": (1.0,)}, r"gammas is \[1.0\]; expected float < 1.0 .*returns must be finite"),
        ({"outer_lambda": 1.5}, "outer_lambda is 1.5"),
        ({"critic_rate": -0.1}, "critic_rate is -0.1"),
        ({"y_hat_weight": -1.0}, "y_hat_weight is -1.0"),
        ({"learning_rates": (0.0,)}, r"learning_rates is \[0.0\]; expected float > 0.0"),
        ({"learning_rates": (float("inf"),)}, "finite numbers are needed"),
        ({"suite": "paper", "num_lifetimes": 3}, "paper has 15 environments"),
        ({"validation_learning_rates": (0.0,)}, "validation_learning_rates is"),
        ({"network_y_weights": (-1.0,)}, "network_y_weights is"),
        ({"averaging": 1.0}, "averaging is 1.0; expected float < 1.0 .*never move"),
        ({"warmup": -1}, "warmup is -1"),
        ({"bandit_temperature": 0.0}, "bandit_temperature is 0.0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm is 0.0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_was_given(changes, words):
    with pytest.raises(ValueError, match=words):
        MetaConfig(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_steps": 2}, {"num_updates": 5, "lifetime_updates": 5}, {"gammas": (0.0,)}, {"outer_lambda": 1.0},
        {"critic_rate": 0.0}, {"y_weights": (0.0,)}, {"max_gradient_norm": None},
    ],
)  # fmt: skip
def test_a_value_at_the_edge_is_accepted(changes):
    assert dataclasses.asdict(MetaConfig(**changes)).items() >= changes.items()


def test_every_field_says_what_it_is():
    import ast
    import inspect

    body = ast.parse(inspect.getsource(MetaConfig)).body[0].body
    undocumented = [
        field.target.id
        for field, following in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant))
    ]
    assert undocumented == []
