"""How fast agents learn on an Atari game, beside the emulator alone: frames per second, four frames a step.

    python -m benchmarks.atari [--game breakout] [--rule a2c] [--agent atari-small] [--num-envs 30] [--updates 8]

Five measurements: the emulators with random actions; with actions of the network; updates alone, of one and the same
trajectory; with learning; with learning while the emulators go on (`overlap`). What could be had is acting and then
updating, with nothing in between: the better of the last two is compared with that. On a machine that does other
things, too, frames per second of processor time say more than frames per second; on an idle one with few cores the two
differ by the number of cores in use.
"""

import argparse
import json
import os
import time
from pathlib import Path

import jax
import numpy as np

from lpg.evaluation.backend import TrainingPlan
from lpg.evaluation.gymnasium_backend import GymnasiumBackend
from lpg.evaluation.training_plan import make_plan
from lpg.learner import loop
from lpg.learner.collect import Act, Collector
from lpg.learner.gymnasium_environments import make_environments
from lpg.learner.learner import Learner
from lpg.update_rules.registry import find_rule

FRAMES_PER_STEP = 4


class Stretch:
    """How long something takes, by the clock and on all processors together."""

    def __enter__(self) -> "Stretch":
        self.began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self.began[0]
        self.cpu_seconds = time.process_time() - self.began[1]


def main() -> None:
    """Measures, prints a table and writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="breakout")
    parser.add_argument("--rule", default="a2c")
    parser.add_argument("--agent", help="none: the network of the paper")
    parser.add_argument("--num-envs", type=int, default=30)
    parser.add_argument("--updates", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("build/atari.json"))
    arguments = parser.parse_args()
    plan = make_plan(
        find_rule(arguments.rule),
        f"atari/{arguments.game}",
        agent=arguments.agent,
        changes={"num_envs": arguments.num_envs},
    )
    assert isinstance(plan.backend, GymnasiumBackend)
    learner, rates = plan.backend.learner(plan), {}
    print(f"{'':<9} {'frames/s':>10} {'per CPU s':>10} {'of emulator':>12}")
    for name, measure in (("emulator", emulator), ("acting", acting), ("updating", updating), ("learning", learning),
                          ("overlap", overlapping)):  # fmt: skip
        stretch = measure(plan, learner, arguments.updates)
        frames = FRAMES_PER_STEP * arguments.updates * plan.config.steps_per_update
        rates[name] = {"frames_per_second": frames / stretch.seconds, "per_cpu_second": frames / stretch.cpu_seconds}
        wall, cpu = rates[name].values()
        share = cpu / rates["emulator"]["per_cpu_second"]
        print(f"{name:<9} {wall:>10,.0f} {cpu:>10,.0f} {share:>12.0%}", flush=True)
    possible = 1 / sum(1 / rates[name]["frames_per_second"] for name in ("acting", "updating"))
    best = max(rates[name]["frames_per_second"] for name in ("learning", "overlap"))
    print(f"{best / possible:.0%} of acting and then updating ({possible:,.0f} frames/s)")
    about = {"game": arguments.game, "rule": arguments.rule, "agent": plan.agent, "environments": arguments.num_envs,
             "cores": len(os.sched_getaffinity(0)), "of_possible": best / possible}  # fmt: skip
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({**about, "rates": rates}, indent=2))
    print(f"{about['cores']} cores, load {os.getloadavg()[0]:.1f}; wrote {arguments.out}")


def emulator(plan: TrainingPlan, learner: Learner, num_updates: int) -> Stretch:
    """Random actions."""
    return collecting(plan, num_updates, random_actions(plan))


def acting(plan: TrainingPlan, learner: Learner, num_updates: int) -> Stretch:
    """The network's actions."""
    state = learner.init(jax.random.key(0))
    uniform = np.random.default_rng(0).random((plan.config.num_steps, plan.config.num_envs), np.float32)
    return collecting(plan, num_updates, lambda seen, t: np.asarray(learner.choose(state, seen, uniform[t])))


def updating(plan: TrainingPlan, learner: Learner, num_updates: int) -> Stretch:
    """One and the same trajectory, again and again: the network, forwards and backwards, and the rule."""
    state = learner.init(jax.random.key(0))
    trajectory = begin(plan).collect(random_actions(plan), plan.config.num_steps).trajectory
    state, _ = learner.update(state, trajectory, key=jax.random.key(0), progress=0.0)
    jax.block_until_ready(state)
    with Stretch() as stretch:
        for _ in range(num_updates):
            state, _ = learner.update(state, trajectory, key=jax.random.key(0), progress=0.0)
        jax.block_until_ready(state)
    return stretch


def learning(plan: TrainingPlan, learner: Learner, num_updates: int, overlap: bool = False) -> Stretch:
    """The whole."""
    state = loop.init(learner, jax.random.key(0), 1)
    states = loop.run(
        learner, begin(plan), state, jax.random.key(1), np.array([2 + num_updates]),
        num_steps=plan.config.num_steps, overlap=overlap,
    )  # fmt: skip
    next(states)
    jax.block_until_ready(next(states).learner)  # compiled, and nothing left to do
    with Stretch() as stretch:
        *_, last = states
        jax.block_until_ready(last.learner)
    return stretch


def overlapping(plan: TrainingPlan, learner: Learner, num_updates: int) -> Stretch:
    """The whole, when the emulators do not wait for the learner."""
    return learning(plan, learner, num_updates, overlap=True)


def random_actions(plan: TrainingPlan) -> Act:
    """Uniformly drawn, a new sequence at each call."""
    assert isinstance(plan.backend, GymnasiumBackend)
    generator, num_actions = np.random.default_rng(0), plan.backend.spaces.num_actions
    return lambda seen, t: generator.integers(0, num_actions, len(seen))


def begin(plan: TrainingPlan) -> Collector:
    """Fresh emulators."""
    return Collector(
        make_environments(plan.environment, plan.config.num_envs),
        seed=0,
        time_limit_is_termination=bool(plan.config.time_limit_is_termination),
        largest_reward=1.0,
    )


def collecting(plan: TrainingPlan, num_updates: int, act: Act) -> Stretch:
    """Trajectories and nothing else; the first one is not counted."""
    collector = begin(plan)
    collector.collect(act, plan.config.num_steps)
    with Stretch() as stretch:
        for _ in range(num_updates):
            collector.collect(act, plan.config.num_steps)
    return stretch


if __name__ == "__main__":
    main()
