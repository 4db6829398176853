"""Environments with the interface of gymnax: action 1 counts, 3 is the end; four steps are the limit."""

import jax.numpy as jnp


class Discrete:
    """As much of a space as is needed."""

    def __init__(self, n):
        self.n = n


class RawCounter:
    """With raw steps, as gymnax has them; `step` is not for use."""

    default_params = None

    def action_space(self, params):
        return Discrete(2)

    def observation_space(self, params):
        return Discrete(4)

    def reset_env(self, key, params):
        return jnp.asarray(0), {"count": jnp.asarray(0), "time": jnp.asarray(0)}

    reset = reset_env

    def step_env(self, key, state, action, params):
        state = {"count": state["count"] + action, "time": state["time"] + 1}
        is_over = state["count"] == 3
        return state["count"], state, is_over.astype(float), is_over, {}

    def step(self, key, state, action, params):
        raise AssertionError


class Counter:
    """With steps that reset by themselves, of five or six values."""

    def __init__(self, num_values=5):
        self.num_values = num_values

    def action_space(self, params):
        return Discrete(2)

    def observation_space(self, params):
        return Discrete(4)

    def reset(self, key, params):
        return RawCounter().reset_env(key, params)

    def step(self, key, state, action, params):
        count, stepped, reward, is_over, info = RawCounter().step_env(key, state, action, params)
        is_cut = ~is_over & (stepped["time"] == 4)
        done = is_over | is_cut
        first, fresh = self.reset(key, params)
        state = {name: jnp.where(done, fresh[name], stepped[name]) for name in stepped}
        ends = (is_over, is_cut) if self.num_values == 6 else (done,)
        return jnp.where(done, first, count), state, reward, *ends, info
