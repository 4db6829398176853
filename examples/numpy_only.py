"""A discovered rule without JAX: two tables in NumPy learn to walk to the end of a corridor.

python examples/numpy_only.py RULE.safetensors [--quick]
"""

import argparse

import numpy as np

from lpg.learner.numpy_rule import NumpyRule, ascent, softmax

T, B, STATES = 20, 32, 6
LEARNING_RATE, Y_WEIGHT, GAMMA = 40.0, 0.5, 0.99

parser = argparse.ArgumentParser()
parser.add_argument("rule", help="a rule file")
parser.add_argument("--quick", action="store_true", help="five updates")
arguments = parser.parse_args()
rule, generator = NumpyRule(arguments.rule), np.random.default_rng(0)
policy = np.zeros((STATES, 2))
prediction = generator.normal(size=(STATES, rule.prediction_size))

state = np.zeros(B, int)
for number in range(5 if arguments.quick else 200):
    s, a, following = (np.zeros((T, B), int) for _ in range(3))
    for t in range(T):
        s[t] = state
        a[t] = generator.random(B) < softmax(policy[state])[:, 1]
        following[t] = np.clip(state + 2 * a[t] - 1, 0, STATES - 1)
        state = np.where(following[t] == STATES - 1, 0, following[t])
    is_end = following == STATES - 1  # pays 1 and ends the episode

    pi_a = np.take_along_axis(softmax(policy[s]), a[..., None], axis=-1)[..., 0]
    pi_hat, y_hat = rule.targets(is_end, is_end, is_end, pi_a, prediction[s], prediction[following], GAMMA)
    for table, direction in zip(
        (policy, prediction), ascent(policy[s], prediction[s], a, pi_hat, y_hat, Y_WEIGHT), strict=True
    ):
        np.add.at(table, s, LEARNING_RATE / (T * B) * direction)
    if number % 40 == 0:
        print(
            f"update {number}: {is_end.sum() / B:.2f} ends a environment in {T} steps, at best {T / (STATES - 1):.2f}"
        )
