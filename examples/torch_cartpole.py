"""CartPole in PyTorch, in one file: a learned rule takes the place of advantages, value loss and policy loss.

python examples/torch_cartpole.py [--rule RULE] [--steps 200000] [--seed 0]        (pip install 'lpg[torch,gym]')
"""

import argparse

import gymnasium
import numpy as np
import torch
from gymnasium.wrappers.utils import RunningMeanStd
from torch import nn

from lpg.torch import Rule, Trajectory

NUM_ENVS, NUM_STEPS = 16, 16
REWARD_SCALE = 0.05  # rules are used to discounted returns with a standard deviation near 1
LEARNING_RATE, MAX_GRADIENT_NORM, GAMMA, Y_WEIGHT = 1e-3, 0.5, 0.99, 1.0


def network(num_outputs, scale):
    """Two layers of 64; the last layer's weights are multiplied by `scale`."""
    last = nn.Linear(64, num_outputs)
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.zero_()
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), last)


parser = argparse.ArgumentParser()
parser.add_argument("--rule", default="lpg-kick-start", help="a shipped name, a rule file or a run folder")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=200_000, help="of all environments together")
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
torch.set_num_threads(1)  # faster than several for tensors as small as these

rule = Rule(arguments.rule)
policy = network(2, scale=0.01)
predictor = network(rule.prediction_size, scale=0.0)  # predictions begin at zero
parameters = [*policy.parameters(), *predictor.parameters()]
optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)
num_updates = max(1, arguments.steps // (NUM_ENVS * NUM_STEPS))
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=num_updates)

same_step = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}
envs = gymnasium.make_vec("CartPole-v1", NUM_ENVS, vectorization_mode="sync", vector_kwargs=same_step)
statistics = RunningMeanStd(shape=(4,))
observation, _ = envs.reset(seed=arguments.seed)
episode_return, returns = np.zeros(NUM_ENVS), []


def normalised(observations):
    """Observations with mean 0 and standard deviation 1, as a tensor."""
    scaled = (np.asarray(observations) - statistics.mean) / np.sqrt(statistics.var + 1e-8)
    return torch.as_tensor(scaled.clip(-10, 10), dtype=torch.float32)


for update in range(num_updates):
    # Collect NUM_STEPS steps of each environment.
    rows, next_observations = [], []
    for _ in range(NUM_STEPS):
        with torch.no_grad():
            action = torch.distributions.Categorical(logits=policy(normalised(observation))).sample().numpy()
        following, reward, terminated, truncated, info = envs.step(action)
        is_last, arrived = terminated | truncated, following.copy()
        for b in np.flatnonzero(is_last):
            arrived[b] = info["final_obs"][b]  # where the step led to; `following` begins the next episode there
        rows.append((observation, action, REWARD_SCALE * reward, terminated, is_last))
        next_observations.append(arrived)
        episode_return += reward
        returns += episode_return[is_last].tolist()
        episode_return[is_last] = 0
        observation = following
    observations, actions, rewards, terminations, ends = (np.stack(column) for column in zip(*rows, strict=True))
    statistics.update(observations.reshape(-1, 4))

    # The rule's loss stands where policy loss, value loss and entropy bonus usually are.
    trajectory = Trajectory(*(torch.as_tensor(x) for x in (actions, rewards, terminations, ends)))
    seen = normalised(observations)
    with torch.no_grad():
        next_prediction = predictor(normalised(next_observations))
    loss = rule.loss(
        policy(seen), predictor(seen), trajectory, next_prediction,
        gamma=GAMMA, y_weight=Y_WEIGHT, normalise_advantages=True,
    )  # fmt: skip
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
    optimizer.step()
    schedule.step()
    if update % 100 == 0 or update == num_updates - 1:
        steps = (update + 1) * NUM_ENVS * NUM_STEPS
        print(f"{steps} steps: return {np.mean(returns[-50:] or [np.nan]):.1f}, loss {loss.item():.4f}")
