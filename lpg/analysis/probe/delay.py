"""How far ahead π̂ sees with its predictions and without: on delayed chains the first action decides the last reward.

On chains of increasing length the rule predicts for the uniformly random policy until its predictions have settled.
Then π̂ of the first step is compared between agents who chose rightly and agents who chose wrongly. A rollout has 20
steps: where the reward comes later, only the prediction of the last state seen can tell. The control is the same
comparison with every prediction as it would be if nothing were known: uniform, or zero.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from lpg.agents.outputs import outputs
from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import Table as AgentTable
from lpg.analysis.policy_evaluation import Case, Progress, evaluate_policies, fresh_predictions, hyperparameters
from lpg.analysis.table import Table
from lpg.environments.delayed_chain import ChainEnv, ChainParams
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.base import Rule, RuleInputs

ENV = ChainEnv()
LENGTHS = (2, 3, 5, 8, 12, 16, 20, 22, 25, 30, 35, 40, 45, 50)


def gaps(
    rule: Rule,
    key: Key[Array, ""],
    gamma: float,
    rate: float,
    iterations: int,
    sizes: TrainingSizes,
    lengths: Sequence[int] = LENGTHS,
    progress: Progress | None = None,
) -> Table:
    """π̂ of the right first action minus π̂ of the wrong one.

    Args:
        rate: learning rate × α_y of the agents whose predictions settle.
        iterations: updates until they have.

    Returns:
        Columns `length` (steps between action and reward, plus one), `with` and `without` predictions.
    """
    key_luck, key_look = jax.random.split(key)
    count = len(lengths)
    chains = jax.vmap(lambda n: ChainParams(length=n, is_noisy=jnp.asarray(False)))(jnp.array(lengths))
    policy = jnp.full((count, ENV.num_states, ENV.num_actions), 1 / ENV.num_actions)
    first = fresh_predictions(rule, count, ENV.num_states)
    hyper = hyperparameters(rate, gamma)
    cases = Case(chains, policy, first, jax.random.split(key_luck, count))
    _, state = evaluate_policies(rule, ENV, cases, hyper, [iterations], sizes, progress=progress)

    def gap(row: tuple) -> Array:
        chain, prediction, look = row
        agent = AgentTable(
            rows=jnp.concatenate([jnp.zeros((ENV.num_states, ENV.num_actions)), prediction], axis=1),
            num_actions=ENV.num_actions,
        )
        key_reset, key_walk = jax.random.split(look)
        state = init_rollout(key_reset, ENV, chain, 4 * sizes.num_envs)
        _, seen, _ = rollout(
            key_walk, state, agent, ENV, chain, num_steps=sizes.num_steps,
            time_limit_is_termination=sizes.time_limit_is_termination,
        )  # fmt: skip
        mask = ENV.action_mask(chain)
        output = outputs(agent, seen.observation, mask)
        following = outputs(agent, seen.next_observation, mask).prediction
        pi_hat = rule.targets(RuleInputs(trajectory=seen, output=output, next_prediction=following), hyper).pi_hat[0]
        # In the first state the index is the right action.
        is_right = seen.action[0] == seen.observation[0]
        right = jnp.sum(jnp.where(is_right, pi_hat, 0.0)) / jnp.maximum(jnp.sum(is_right), 1)
        wrong = jnp.sum(jnp.where(is_right, 0.0, pi_hat)) / jnp.maximum(jnp.sum(~is_right), 1)
        return right - wrong

    look = jax.jit(lambda rows: jax.lax.map(gap, rows))
    keys = jax.random.split(key_look, count)
    return {
        "length": np.array(lengths),
        "with": np.asarray(look((chains, state.prediction, keys)), float),
        "without": np.asarray(look((chains, jnp.zeros_like(state.prediction), keys)), float),
    }
