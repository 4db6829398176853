"""DiscoRL's rule and its agent in NumPy with float64: one state and one action at a time, weights by published names.

Written from the equations and the published order of features, not from the code under test.
"""

import numpy as np

from lpg.update_rules.disco.weights import SHAPES

META = "lstm/~/meta_lstm/~unroll"


def random_weights(seed=0):
    """Arrays with the names and shapes of the published file."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(size=shape) * (0.3 if len(shape) == 1 else 2 / np.sqrt(shape[-2]))).astype(np.float32)
        for name, shape in SHAPES.items()
    }


def softmax(x):
    e = np.exp(np.asarray(x, np.float64) - np.max(x))
    return e / e.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def kl(p_logits, q_logits):
    p, q = softmax(p_logits), softmax(q_logits)
    return float(np.sum(p * np.log(p / q)))


def signed_log(x):
    return np.sign(x) * np.log(1 + abs(x))


def squash(x):
    return np.sign(x) * (np.sqrt(abs(x) + 1) - 1) + 0.001 * x


def unsquash(y):
    """Solves squash(x) = y by bisection."""
    low, high = -200_000.0, 200_000.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if squash(middle) < y else (low, middle)
    return (low + high) / 2


def value_of(logits):
    return unsquash(np.sum(softmax(logits) * np.arange(-300, 301)))


def value_loss(logits, value):
    """Cross-entropy with weight on the two bins around the value."""
    y = np.clip(squash(value), -300, 300)
    log_p = np.log(softmax(logits))
    return -sum(max(0.0, 1 - abs(y - b)) * log_p[b + 300] for b in range(-300, 301))


# The agent.


def dense(layer, x):
    return np.asarray(x, np.float64) @ np.asarray(layer.weight, np.float64) + np.asarray(layer.bias, np.float64)


def agent_outputs(agent, observation):
    """Logits of π, y, and by action z, q and the next policy, for one observation."""
    x = np.asarray(observation, np.float64).ravel()
    for layer in agent.network.dense:
        x = relu(dense(layer, x))
    cell = dense(agent.root, x)
    hidden = np.tanh(cell)
    found = {"pi": dense(agent.network.policy, x), "y": dense(agent.network.prediction, x), "z": [], "q": [], "aux": []}
    for action in range(len(agent.action)):
        one_hot = np.eye(len(agent.action))[action]
        weight = np.concatenate([np.asarray(agent.action), np.asarray(agent.recurrent.weight)])
        h, _ = lstm(np.concatenate([one_hot, hidden]) @ weight + np.asarray(agent.recurrent.bias), cell)
        for name, head in (("z", agent.z), ("q", agent.q), ("aux", agent.next_policy)):
            found[name].append(dense(head.out, relu(dense(head.hidden, h))))
    return found


def lstm(gates, cell):
    """Gates in the order input, cell, forget, output; 1 is added to the forget gate."""
    i, g, f, o = np.split(gates, 4)
    cell = sigmoid(f + 1) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


# The rule.


def linear(arrays, name, x):
    w = np.asarray(arrays[f"{name}/w"], np.float64)
    return np.asarray(x) @ (w[0] if w.ndim == 3 else w) + arrays[f"{name}/b"]


def number_of(arrays, name, logits):
    """The embedding of a distribution."""
    return linear(arrays, f"{name}/~/linear_1", relu(linear(arrays, f"{name}/~/linear_0", softmax(logits))))[0]


def across_actions(arrays, name, rows):
    """One layer for all actions; each reads the mean over actions, too."""
    mean = np.mean(rows, axis=0)
    return [relu(linear(arrays, name, np.concatenate([row, mean]))) for row in rows]


def features(arrays, prefix, step):
    """The 27 features of a step, and the two of each action; `step` is a dictionary of one t and one b."""
    own, target, own_next, target_next = step["own"], step["target"], step["own_next"], step["target_next"]
    a, num_actions = step["action"], len(own["pi"])

    def y(out):
        return number_of(arrays, f"{prefix}/mlp", out["y"])

    def z(out, action):
        return number_of(arrays, f"{prefix}/mlp_1", out["z"][action])

    def z_mean(out, policy):
        return sum(softmax(policy["pi"])[b] * z(out, b) for b in range(num_actions))

    def z_max(out):
        return max(z(out, b) for b in range(num_actions))

    rows = [
        [
            softmax(own["pi"])[b], softmax(step["acted"])[b], softmax(target["pi"])[b], z(own, b), z(target, b),
            signed_log(step["q"][b]), signed_log(step["q_advantage"][b]), step["standard_q_advantage"][b],
            float(b == a),
        ]
        for b in range(num_actions)
    ]  # fmt: skip
    for name in ("conv1_d", "conv1_d_1"):
        rows = across_actions(arrays, f"{prefix}/sequential/{name}", rows)
    base = [
        softmax(own["pi"])[a], softmax(step["acted"])[a], signed_log(step["reward"]), 1.0 - step["terminal"],
        signed_log(step["v"]), signed_log(step["v_next"]), signed_log(step["advantage"]), step["standard_advantage"],
        softmax(target["pi"])[a], y(own), y(own_next), y(target), y(target_next),
        z(own, a), z_mean(own, own), z_mean(own_next, own_next), z_max(own), z_max(own_next),
        z(target, a), z_mean(target, own), z_mean(target_next, own_next), z_max(target), z_max(target_next),
    ]  # fmt: skip
    return np.concatenate([base, np.mean(rows, axis=0), rows[a]]), rows


def run_network(arrays, steps, hidden, cell):
    """Targets for `steps[t][b]`, and the next state of the lifetime."""
    num_steps, num_envs = len(steps), len(steps[0])
    targets = [[None] * num_envs for _ in steps]
    summaries = []
    factors = linear(arrays, "lstm/linear", hidden)
    for b in range(num_envs):
        h, c = np.zeros(256), np.zeros(256)
        for t in reversed(range(num_steps)):
            x, rows = features(arrays, "lstm", steps[t][b])
            keep = 1.0 - steps[t][b]["terminal"]
            h, c = lstm(linear(arrays, "lstm/lstm/linear", np.concatenate([x, h * keep])), c * keep)
            out = h * factors
            y = linear(arrays, "lstm/linear_2", out)
            each = across_actions(arrays, "lstm/sequential_1/conv1_d", [np.concatenate([out, row]) for row in rows])
            pi = [linear(arrays, "lstm/linear_4", row)[0] for row in each]
            targets[t][b] = {"pi": np.array(pi), "y": y, "z": linear(arrays, "lstm/linear_3", out)}
            read, _ = features(arrays, META, steps[t][b])
            read = [*read, linear(arrays, "lstm/linear_1", out)[0], number_of(arrays, f"{META}/mlp", y)]
            summaries.append(linear(arrays, f"{META}/mlp_2/~/linear_0", read))
    gates = linear(arrays, f"{META}/lstm/linear", np.concatenate([np.mean(summaries, axis=0), hidden]))
    return targets, lstm(gates, cell)


def make_steps(agent, target, trajectory, gamma, lambda_, moments=(0.0, 0.0, 1.0)):
    """All that the network reads, value targets G[t][b], and moments (mean, square, missing weight) of advantages."""
    obs, ends = np.asarray(trajectory.observation), np.asarray(trajectory.at_end)
    num_steps, num_envs = trajectory.action.shape
    own = [[agent_outputs(agent, obs[t, b]) for b in range(num_envs)] for t in range(num_steps + 1)]
    theirs = [[agent_outputs(target, obs[t, b]) for b in range(num_envs)] for t in range(num_steps + 1)]
    steps = [[None] * num_envs for _ in range(num_steps)]
    goals = np.zeros((num_steps, num_envs))
    for b in range(num_envs):
        q = [[value_of(row) for row in theirs[t][b]["q"]] for t in range(num_steps + 1)]
        v = [softmax(own[t][b]["pi"]) @ q[t] for t in range(num_steps + 1)]
        own_v = [softmax(own[t][b]["pi"]) @ [value_of(r) for r in own[t][b]["q"]] for t in range(num_steps + 1)]
        for t in reversed(range(num_steps)):
            a, acted = int(trajectory.action[t, b]), np.asarray(trajectory.logits[t, b])
            after = v[t + 1]
            if t + 1 < num_steps:
                following = int(trajectory.action[t + 1, b])
                was = softmax(np.asarray(trajectory.logits[t + 1, b]))[following]
                ratio = min(1.0, softmax(own[t + 1][b]["pi"])[following] / was)
                after += lambda_ * ratio * (goals[t + 1, b] - q[t + 1][following])
            terminal = float(ends[t + 1, b])
            goals[t, b] = float(trajectory.reward[t, b]) + gamma * (1 - terminal) * after
            steps[t][b] = {
                "own": own[t][b], "own_next": own[t + 1][b], "target": theirs[t][b], "target_next": theirs[t + 1][b],
                "acted": acted, "action": a, "reward": float(trajectory.reward[t, b]), "terminal": terminal,
                "v": own_v[t], "v_next": own_v[t + 1], "advantage": goals[t, b] - v[t],
                "q": q[t], "q_advantage": [x - v[t] for x in q[t]],
            }  # fmt: skip
    advantages = np.array([[step["advantage"] for step in row] for row in steps])
    mean, square, missing = moments
    moments = (0.99 * mean + 0.01 * advantages.mean(), 0.99 * square + 0.01 * (advantages**2).mean(), 0.99 * missing)
    center = moments[0] / (1 - moments[2])
    spread = np.sqrt(max(0.0, moments[1] / (1 - moments[2]) - center**2) + 1e-12) + 1e-6
    for step in (step for row in steps for step in row):
        step["standard_advantage"] = (step["advantage"] - center) / spread
        step["standard_q_advantage"] = [(x - center) / spread for x in step["q_advantage"]]
    return steps, goals, moments


def loss(steps, targets, goals, ends):
    """The agent's loss: mean over the steps that do not begin an episode."""
    total = count = 0.0
    for t, row in enumerate(steps):
        for b, step in enumerate(row):
            if ends[t, b]:
                continue
            own, goal, a = step["own"], targets[t][b], step["action"]
            total += kl(goal["pi"], own["pi"]) + kl(goal["y"], own["y"]) + kl(goal["z"], own["z"][a])
            total += (1 - step["terminal"]) * kl(step["own_next"]["pi"], own["aux"][a])
            total += 0.2 * value_loss(own["q"][a], goals[t, b])
            count += 1
    return total / count
