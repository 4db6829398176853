"""What a plan says follows from the configuration, the compiled programs and a measurement."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import lpg.meta_training.plan as module
from lpg.meta_training.plan import Memory, Plan, Speed, changes_that_fit, make_plan, measured_memory, timed
from tests.tiny_run import TINY, trainer

MB = 1_000_000


@pytest.fixture(autouse=True)
def compiled_before(monkeypatch):
    monkeypatch.setattr(module, "Trainer", trainer)


def plan_of(config=TINY, updates_done=0, available=None) -> Plan:
    return make_plan(
        config, seed=0, updates_done=updates_done, available=available, validate=lambda rule: 0.0, note=print
    )


@pytest.mark.thorough
def test_groups_and_counts_are_those_of_the_run():
    config = dataclasses.replace(TINY, meta_updates=10, validation_every=4)
    plan = plan_of(config)
    ((names, real, size),) = [(group.names, group.num_real, len(group.env_index)) for group in plan.groups]
    assert (names, real, size) == (("chain/short", "chain/short_noisy", "chain/long"), 5, 6)
    assert (plan.num_programs, plan.num_devices) == (3, 2)
    # 5 lifetimes · K = 2 · 4 environments · 4 steps, as tests of the trainer count them.
    assert plan.steps_per_update == 160
    # After updates 4, 8 and 10, the end.
    assert (plan.updates_left, plan.validations_left) == (10, 3)
    # 5 and 6 to 10 are left; of the validations those at 8 and 10.
    later = plan_of(config, updates_done=5)
    assert (later.updates_left, later.validations_left) == (5, 2)
    done = plan_of(config, updates_done=10)
    assert (done.updates_left, done.validations_left, done.seconds) == (0, 0, 0.0)


def test_time_is_what_is_left_divided_by_the_measured_rate():
    plan = plan_of()
    speed = Speed(seconds_per_update=0.5, seconds_per_validation=3.0, num_timed=5)
    plan = dataclasses.replace(plan, speed=speed, updates_left=10, validations_left=2, num_devices=4)
    assert plan.steps_per_second == 320
    assert plan.seconds == 10 * 0.5 + 2 * 3
    assert plan.device_hours == pytest.approx(11 * 4 / 3600)


def test_it_is_measured_on_real_meta_updates_unless_it_does_not_fit(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "measured_speed", lambda one, validate: seen.append(one) or Speed(1.0, 1.0, 5))
    needed = measured_memory(trainer()).needed
    assert plan_of(available=needed // 2).speed is None and seen == []
    assert plan_of(available=needed // 2).seconds is None
    assert plan_of(available=2 * needed).seconds == 4 + 1


def test_the_first_call_is_not_timed_unless_it_is_long(monkeypatch):
    clock = iter([0.0, 9.0, 10.0, 11.0, 20.0, 23.0, 30.0, 35.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert timed(lambda: None, 3) == [1, 3, 5]
    clock = iter([0.0, module.LONG + 1])
    assert timed(lambda: None, 3) == [module.LONG + 1]


def test_memory_is_at_least_what_the_state_takes():
    one = trainer()
    memory = measured_memory(one)
    state = one.init()
    # Padded to six lifetimes on two devices: half of the bytes on each.
    lifetimes = sum(leaf.nbytes for leaf in jax.tree.leaves(state.lifetimes)) / 2
    rule = sum(leaf.nbytes for leaf in jax.tree.leaves(state.rule))
    gradients = 3 * rule
    assert lifetimes + gradients + 4 * rule <= memory.resident <= 1.1 * (lifetimes + gradients + 4 * rule) + 1000
    # A window keeps its trajectories and differentiates them, one lifetime at a time: more than one, less than 100.
    assert lifetimes / 3 < memory.working < 100 * lifetimes
    assert (memory.num_shared, memory.needed) == (2, memory.process + 2 * (memory.resident + memory.working))


def test_the_size_of_a_process_that_ran_it_is_what_it_needs():
    memory = Memory(resident=10 * MB, working=5 * MB, process=400 * MB, num_shared=2)
    assert memory.needed == 430 * MB
    assert memory.measured(600 * MB).needed == 600 * MB
    assert memory.measured(100 * MB).needed == 430 * MB


class Compiled:
    """Stands for compilation: memory by a formula, and which configurations were asked for."""

    def __init__(self, monkeypatch):
        self.asked = []
        monkeypatch.setattr(module, "Trainer", lambda config, seed: config)
        monkeypatch.setattr(module, "measured_memory", self.memory)

    def memory(self, config) -> Memory:
        self.asked.append((config.remat, config.chunk, config.lifetimes_per_environment))
        working = 10 * MB * config.chunk * (1 if config.remat else 3)
        return Memory(resident=MB * config.lifetimes_per_environment, working=working, process=0, num_shared=1)

    def changes(self, limit: int, **values):
        config = dataclasses.replace(TINY, num_lifetimes=None, lifetimes_per_environment=16, chunk=8, **values)
        memory = self.memory(config)
        self.asked.clear()
        return changes_that_fit(config, memory, 8, limit)


def test_what_fits_is_changed_mildest_first(monkeypatch):
    compiled = Compiled(monkeypatch)
    # 16 + 80 MB with recomputation; without it 16 + 240 MB.
    assert compiled.changes(100 * MB, remat=False) == {"remat": True}
    assert compiled.changes(100 * MB) == {}
    # 16 + 40 MB.
    assert compiled.changes(60 * MB) == {"chunk": 4} and compiled.asked == [(True, 4, 16)]
    # 16 + 10 MB: what is too much by proportion is not compiled.
    assert compiled.changes(30 * MB) == {"chunk": 1} and compiled.asked == [(True, 1, 16)]
    # 8 + 10 MB, and 1 + 10 MB.
    assert compiled.changes(20 * MB) == {"chunk": 1, "lifetimes_per_environment": 8}
    assert compiled.changes(11 * MB) == {"chunk": 1, "lifetimes_per_environment": 1}
    assert compiled.changes(10 * MB) is None


def test_the_number_of_all_lifetimes_is_never_below_that_of_environments(monkeypatch):
    monkeypatch.setattr(module, "Trainer", lambda config, seed: config)
    monkeypatch.setattr(module, "measured_memory", lambda c: Memory(MB * c.num_lifetimes, 0, 0, 1))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    memory = Memory(5 * MB, 0, 0, 1)
    assert changes_that_fit(TINY, memory, 1, 3 * MB) == {"num_lifetimes": 3}
    assert changes_that_fit(TINY, memory, 1, 2 * MB) is None


def test_a_configuration_that_cannot_be_run_is_refused_before_it_is_compiled(monkeypatch):
    monkeypatch.setattr(module, "Trainer", lambda config, seed: pytest.fail("compiled"))
    with pytest.raises(ValueError, match="share_bandit needs normalise_bandit"):
        plan_of(dataclasses.replace(TINY, share_bandit=True))
    with pytest.raises(ValueError, match="no such file"):
        plan_of(dataclasses.replace(TINY, initial_rule="nowhere.safetensors"))


def test_measuring_does_not_move_the_seeded_start():
    # A plan is made with a state of its own: the run after it begins with the same η.
    before = jax.device_get(trainer().init().rule)
    plan_of()
    after = jax.device_get(trainer().init().rule)
    assert all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True))
