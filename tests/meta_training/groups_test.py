import dataclasses

import numpy as np
import pytest

from lpg.environments.registry import suite
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.groups import arms, distribute, drawn_length, fit_chunks, lifetime_updates, make_groups

FIVE = "chain/short,chain/short_noisy,tabular/dense,tabular/sparse,chain/long"


def test_lifetimes_are_distributed_evenly_and_the_remainder_goes_to_the_first():
    # 32 = 5 · 6 + 2.
    assert distribute(MetaConfig(suite=FIVE, num_lifetimes=32), 5) == [7, 7, 6, 6, 6]
    assert distribute(MetaConfig(suite=FIVE, num_lifetimes=30), 5) == [6] * 5
    assert distribute(MetaConfig(suite=FIVE, lifetimes_per_environment=3), 5) == [3] * 5


@pytest.mark.parametrize("num_devices", [1, 2, 3, 8])
@pytest.mark.parametrize("chunk", [1, 4])
def test_every_lifetime_runs_once_for_any_number_of_devices(num_devices, chunk):
    config = MetaConfig(suite=FIVE, num_lifetimes=32, chunk=chunk)
    groups = make_groups(config, num_devices)
    counts = {
        name: int(group.weight[np.array(group.env_index) == index].sum())
        for group in groups
        for index, name in enumerate(group.names)
    }
    assert counts == dict(zip(suite(FIVE), [7, 7, 6, 6, 6], strict=True))
    for group in groups:
        # The padded size divides over devices and chunks, and the padding is at the end and weighs nothing.
        assert len(group.env_index) % (num_devices * group.chunk) == 0
        np.testing.assert_array_equal(
            group.weight, [1] * group.num_real + [0] * (len(group.env_index) - group.num_real)
        )


def test_environments_with_equal_array_shapes_form_one_group():
    # All chains have one shape; the grids here differ in size.
    groups = make_groups(MetaConfig(suite=FIVE), 1)
    assert groups[0].names == ("chain/short", "chain/short_noisy", "chain/long")
    assert len({group.env for group in groups}) == len(groups) >= 2
    # Of the five chains one is seen through bits, by networks.
    assert [len(group.names) for group in make_groups(MetaConfig(suite="chain"), 1)] == [4, 1]


def test_the_fifteen_environments_of_the_paper_are_compiled_in_at_most_eight_programs():
    groups = make_groups(MetaConfig(), 1)
    assert len(groups) <= 8
    assert sum(len(group.names) for group in groups) == 15
    assert all(len(group.env_index) >= group.num_real == 64 * len(group.names) for group in groups)


@pytest.mark.parametrize("num_envs, chunk, expected", [(64, 4, 1), (8, 4, 2), (8, 1, 1), (2, 4, 4), (2, None, 8)])
def test_on_a_cpu_chunks_are_no_larger_than_its_vector_units_need(num_envs, chunk, expected):
    # 320 steps are wanted: 64 environments make 1,280, eight 160; two make 40, so that eight lifetimes were enough.
    config = MetaConfig(suite="random/small,random/dense", num_envs=num_envs, chunk=chunk)
    dense, convolutional = make_groups(config, 1)
    assert (dense.agent, dense.chunk) == ("D(32)", expected)
    assert (convolutional.agent, convolutional.chunk) == ("C(16)-D(32)", 1)


def test_elsewhere_chunks_are_as_large_as_allowed(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    config = MetaConfig(suite="random/small,random/dense", lifetimes_per_environment=100, chunk=4)
    assert [group.chunk for group in make_groups(config, 1)] == [4, 4]
    everything = dataclasses.replace(config, chunk=None)
    assert [group.chunk for group in make_groups(everything, 1)] == [100, 100]
    assert [group.chunk for group in make_groups(everything, 4)] == [25, 25]  # of each of four devices


def test_an_environment_named_twice_has_twice_the_lifetimes():
    twice = make_groups(MetaConfig(suite="chain,chain/short", lifetimes_per_environment=2), 1)
    once = make_groups(MetaConfig(suite="chain", lifetimes_per_environment=2), 1)
    assert [group.names for group in twice] == [group.names for group in once]
    short = twice[0].names.index("chain/short")
    lifetimes = [[group.env_index.count(index) for index in range(len(group.names))] for group in twice]
    assert lifetimes[0][short] == 4
    assert sum(map(sum, lifetimes)) == 2 * 6
    dealt = make_groups(MetaConfig(suite="chain/short,chain/long,chain/short", num_lifetimes=6), 1)
    assert [sum(group.num_real for group in dealt), dealt[0].env_index.count(0)] == [6, 4]


@pytest.mark.parametrize(
    "count, num_devices, preferred, expected",
    [
        (8, 2, 4, (4, 8)),  # four on each device, in one chunk
        (5, 2, 1, (1, 6)),  # three on each: one of the six is padding
        (7, 1, 4, (7, 7)),  # one chunk of 7 pads nothing; two of 4 would pad one
        (11, 1, 4, (4, 12)),  # 11 is prime and more than twice 4: three chunks of 4 pad one
        (1, 4, 4, (1, 4)),  # one on each device: a larger chunk would be padding only
    ],
)
def test_chunk_sizes_need_little_padding(count, num_devices, preferred, expected):
    chunk, padded = fit_chunks(count, num_devices, preferred)
    assert (chunk, padded) == expected


def test_a_lifetime_is_rounded_up_to_whole_windows():
    # 11 updates are three windows of 5; 10 are two.
    for updates, expected in ((11, 15), (10, 10), (5, 5)):
        assert lifetime_updates(MetaConfig(lifetime_updates=updates), "chain/short") == expected
    # Table 3: 1 M steps of a chain at 64 · 20 = 1280 a batch are 781.25, rounded up 782, in windows of 5: 785. A grid's
    # 3 M are 2343.75: 2344, 2345.
    assert lifetime_updates(MetaConfig(), "chain/short") == 785
    assert lifetime_updates(MetaConfig(), "tabular/dense") == 2345
    assert lifetime_updates(MetaConfig(lifetime_scale=0.25), "tabular/dense") == 590  # 585.9, in whole windows


def test_lengths_are_drawn_uniformly_on_a_logarithmic_axis_in_whole_windows():
    config = MetaConfig(suite="chain/short", num_updates=5, min_lifetime_updates=10)
    drawn = np.array([drawn_length(config, 1000, np.random.default_rng(seed)) for seed in range(4000)])
    assert drawn.min() == 10 and drawn.max() <= 1000 and np.all(drawn % 5 == 0)
    # Half are below √(10 · 1000) = 100; of uniform lengths a tenth would be. Standard error: .008.
    assert abs(np.mean(drawn < 100) - 0.5) < 0.03
    # A lifetime that is shorter anyway keeps its length.
    assert drawn_length(config, 5, np.random.default_rng(0)) == 5


def test_arms_are_all_pairs_in_lexicographic_order():
    config = MetaConfig(learning_rates=(20.0, 40.0), y_weights=(0.1, 0.5))
    assert arms(config, "chain/short") == [(20.0, 0.1), (20.0, 0.5), (40.0, 0.1), (40.0, 0.5)]


def test_networks_have_the_learning_rates_of_table_3_by_default():
    config = MetaConfig(y_weights=(0.5,))
    assert [rate for rate, _ in arms(config, "random/small")] == [0.0005, 0.001, 0.002, 0.005]
    assert [rate for rate, _ in arms(config, "chain/distractor")] == [0.002, 0.005, 0.01]
    config = MetaConfig(y_weights=(0.5,), network_learning_rates=(0.1,))
    assert arms(config, "random/small") == [(0.1, 0.5)]
    assert [rate for rate, _ in arms(config, "tabular/dense")] == [20.0, 40.0, 80.0]
    config = MetaConfig(y_weights=(0.5,), network_learning_rates=(0.1,), network_y_weights=(0.3, 0.4))
    assert arms(config, "random/small") == [(0.1, 0.3), (0.1, 0.4)]
    assert arms(config, "chain/short")[0] == (20.0, 0.5)
