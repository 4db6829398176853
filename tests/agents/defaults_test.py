import jax
import pytest

from lpg.agents.defaults import SEPARATE, AgentDefault, default_agent
from lpg.agents.registry import check_agent, init_agent
from lpg.environments.registry import ENVIRONMENTS, env_spec

# Table 3 of the paper.
ADAM = (0.0005, 0.001, 0.002, 0.005)
TABLE = ("tabular", (20.0, 40.0, 80.0))
PAPER = {
    "tabular/dense": TABLE,
    "tabular/sparse": TABLE,
    "tabular/long_horizon": TABLE,
    "tabular/longer_horizon": TABLE,
    "tabular/long_dense": TABLE,
    "random/dense": ("C(16)-D(32)", ADAM),
    "random/long_horizon": ("C(16)-D(32)", ADAM),
    "random/small": ("D(32)", ADAM),
    "random/small_sparse": ("D(32)", ADAM),
    "random/very_dense": ("C(32-16-16)-D(256)", ADAM),
    "chain/short": TABLE,
    "chain/short_noisy": TABLE,
    "chain/long": TABLE,
    "chain/long_noisy": TABLE,
    "chain/distractor": ("D(16)", (0.002, 0.005, 0.01)),
}


def default(name: str) -> AgentDefault:
    return default_agent(name, env_spec(name).distribution.env)


@pytest.mark.parametrize("name", PAPER)
def test_agents_and_learning_rates_are_those_of_table_3(name):
    agent, learning_rates = PAPER[name]
    assert default(name) == AgentDefault(agent=agent, learning_rates=learning_rates)


@pytest.mark.thorough
def test_what_the_paper_does_not_know_gets_a_table_or_a_small_network_by_what_is_seen():
    assert default("procedural/grid").agent == "tabular"
    assert default("classic/CartPole-v1").agent == SEPARATE and default("minatar/seaquest").agent == "C(16)-D(128)"
    for unlike, agent in (("chain/short", "tabular"), ("random/dense", "C(16)-D(128)"), ("chain/distractor", SEPARATE)):
        assert default_agent("somebody:elses", env_spec(unlike).distribution.env).agent == agent


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environments_default_agent_can_act_in_it(name, key):
    env = env_spec(name).distribution.env
    agent = default(name).agent
    check_agent(agent, env)

    def act(key):
        env_params = env_spec(name).distribution.sample(key)
        observation = env.observe(env.reset(key, env_params), env_params)
        return init_agent(key, agent, env, prediction_size=3)(observation)

    output = jax.eval_shape(act, key)
    assert output.logits.shape == (env.num_actions,) and output.prediction.shape == (3,)
