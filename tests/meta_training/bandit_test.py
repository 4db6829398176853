"""Equation 6, worked by hand: p(α | E) ∝ exp((R(α, E) + ρ/√N(α, E)) / τ)."""

import numpy as np
import pytest

from lpg.meta_training.bandit import Bandit, BanditConfig


def bandit(*ended, **changes):
    """A bandit of two arms with recorded lifetimes (environment, arm, final return)."""
    values = {"num_arms": 2, "temperature": 0.5, "exploration": 0.2, "history": 10, "normalise": False, "share": False}
    values |= changes
    values["num_arms"] = (values["num_arms"],) * 3  # of three environments
    one = Bandit(BanditConfig(**values))
    for lifetime in ended:
        one.record(*lifetime)
    return one


def test_probabilities_of_two_arms_worked_by_hand():
    # R = ((1 + 3)/2, 2.5) = (2, 2.5), N = (2, 1).
    #   (2 + 0.2/√2) / 0.5 = 4.282843,  (2.5 + 0.2/√1) / 0.5 = 5.4
    #   p₁ = 1 / (1 + exp(4.282843 − 5.4)) = 1 / 1.327209 = 0.753461
    one = bandit((0, 0, 1.0), (0, 1, 2.5), (0, 0, 3.0))
    np.testing.assert_allclose(one.probabilities(0), [0.246539, 0.753461], rtol=1e-5)


def test_the_mean_uses_the_last_lifetimes_and_the_count_all():
    # Of arm 0's returns 100, 1, 3 the last two count: R = 2, but N = 3.
    #   (2 + 0.2/√3) / 0.5 = 4.230940, against 5.4: p₁ = 1 / (1 + exp(−1.169060)) = 1 / 1.310659 = 0.762975
    ended = ((0, 0, 100.0), (0, 0, 1.0), (0, 1, 2.5), (0, 0, 3.0))
    np.testing.assert_allclose(bandit(*ended, history=2).probabilities(0)[1], 0.762975, rtol=1e-5)
    # The twin, with a window that reaches the 100: arm 0 leads by R = 104/3 − 2.5 = 32.
    assert bandit(*ended, history=3).probabilities(0)[1] < 1e-20


def test_untried_arms_come_first_with_equal_probability():
    np.testing.assert_array_equal(bandit(num_arms=4).probabilities(0), np.full(4, 0.25))
    one = bandit((0, 0, 1000.0), (0, 3, 1.0), num_arms=4)
    np.testing.assert_array_equal(one.probabilities(0), [0, 0.5, 0.5, 0])
    # Another environment has no lifetimes.
    np.testing.assert_array_equal(one.probabilities(1), np.full(4, 0.25))


def test_a_nan_return_leaves_its_arm_untried():
    np.testing.assert_array_equal(bandit((0, 0, np.nan), (0, 1, 1.0)).probabilities(0), [1, 0])


def test_normalised_returns_do_not_depend_on_their_unit_and_raw_ones_do():
    # Returns 10 and 30 have mean 20 and spread 10: −1 and 1. With τ = 1, ρ = 0: p₁ = 1 / (1 + e⁻²) = 0.880797.
    for unit in (1.0, 1000.0):
        one = bandit((0, 0, 10 * unit), (0, 1, 30 * unit), normalise=True, temperature=1.0, exploration=0.0)
        np.testing.assert_allclose(one.probabilities(0)[1], 0.880797, rtol=1e-5)
    # The twin: raw returns of 0.1 and 0.3 give 1 / (1 + e^−0.2) = 0.549834, and of 10 and 30 leave no choice.
    raw = {"temperature": 1.0, "exploration": 0.0}
    np.testing.assert_allclose(bandit((0, 0, 0.1), (0, 1, 0.3), **raw).probabilities(0)[1], 0.549834, rtol=1e-5)
    np.testing.assert_allclose(bandit((0, 0, 10.0), (0, 1, 30.0), **raw).probabilities(0)[1], 1, rtol=1e-5)


def test_each_environment_is_normalised_by_its_own_returns():
    # (1, 3) and (100, 300) are both (−1, 1) after standardisation.
    ended = ((0, 0, 1.0), (1, 0, 100.0), (0, 1, 3.0), (1, 1, 300.0))
    for environment in (0, 1):
        one = bandit(*ended, normalise=True, temperature=1.0, exploration=0.0)
        np.testing.assert_allclose(one.probabilities(environment)[1], 0.880797, rtol=1e-5)


def test_equal_returns_do_not_divide_by_zero():
    np.testing.assert_array_equal(bandit((0, 0, 5.0), (0, 1, 5.0), normalise=True).probabilities(0), [0.5, 0.5])


def test_a_shared_table_uses_the_returns_of_all_environments():
    ended = ((0, 0, 1.0), (1, 0, 100.0), (0, 1, 3.0), (1, 1, 300.0))
    settings = {"normalise": True, "temperature": 1.0, "exploration": 0.0}
    shared = bandit(*ended, share=True, **settings)
    # R = (−1, 1) over both environments, for any environment: 1 / (1 + e⁻²).
    for environment in (0, 1, 2):
        np.testing.assert_allclose(shared.probabilities(environment)[1], 0.880797, rtol=1e-5)
    # The twin: with separate tables, an environment without lifetimes has uniform probabilities.
    np.testing.assert_array_equal(bandit(*ended, **settings).probabilities(2), [0.5, 0.5])


def test_a_shared_table_of_raw_returns_is_refused():
    with pytest.raises(ValueError, match="needs normalise_bandit"):
        bandit(share=True, normalise=False)


@pytest.mark.parametrize("temperature, low, high", [(0.1, 0.9, 1.0), (100.0, 0.2, 0.5)])
def test_the_better_arm_is_chosen_most_often_unless_the_temperature_is_high(temperature, low, high):
    # Mean returns 0, 0.5, 1: at τ = 0.1 the best arm is e^(0.5/0.1) = 148 times as likely as the next; at τ = 100 all
    # are about alike (the twin), with a standard error of √(⅓ · ⅔ / 200) = 0.033.
    generator = np.random.default_rng(0)
    one = bandit(num_arms=3, temperature=temperature)
    for _ in range(300):
        arm = one.choose(0, generator)
        one.record(0, arm, generator.normal([0.0, 0.5, 1.0][arm], 0.1))
    assert low < np.mean(np.array(one.arm[-200:]) == 2) <= high


def test_an_arm_that_always_diverges_counts_as_the_worst_and_is_no_longer_untried():
    one = bandit((0, 0, 4.0), (0, 0, 1.0), (1, 1, -9.0), temperature=1.0, exploration=0.0)
    np.testing.assert_array_equal(one.probabilities(0), [0, 1])  # untried
    one.record_failure(0, 1)
    # R = (2.5, 1), the −9 being another environment's: p₁ = 1 / (1 + e^1.5) = 0.182426.
    np.testing.assert_allclose(one.probabilities(0)[1], 0.182426, rtol=1e-5)
    one.record_failure(2, 0)  # no other return to compare with: not recorded
    np.testing.assert_array_equal(one.probabilities(2), [0.5, 0.5])


def from_all_records(config: BanditConfig, ended: list[tuple[int, int, float]], environment: int) -> np.ndarray:
    """Equation 6 from the whole list of lifetimes, every mean and deviation taken anew."""
    environments, arms, score = (np.array(column) for column in zip(*ended, strict=True))
    if config.normalise:
        for one in np.unique(environments):
            rows = environments == one
            score[rows] = (score[rows] - score[rows].mean()) / score[rows].std()
    is_counted = np.ones(len(arms), bool) if config.share else environments == environment
    of_arm = [score[is_counted & (arms == arm)] for arm in range(config.num_arms[environment])]
    preference = [(s[-config.history :].mean() + config.exploration / np.sqrt(len(s))) for s in of_arm]
    weight = np.exp((np.array(preference) - max(preference)) / config.temperature)
    return weight / weight.sum()


@pytest.mark.parametrize("normalise, share", [(False, False), (True, False), (True, True)])
def test_running_sums_give_what_the_whole_list_of_lifetimes_gives(normalise, share):
    generator = np.random.default_rng(1)
    # Means far from zero, where sums of squares would lose digits.
    ended = [
        (e, a, float(generator.normal(1e4 * (e + 1) + a))) for e, a in generator.integers(3, size=(200, 2)).tolist()
    ]
    one = bandit(*ended, num_arms=3, history=4, normalise=normalise, share=share, temperature=1.0)
    for environment in range(3):
        expected = from_all_records(one.config, ended, environment)
        np.testing.assert_allclose(one.probabilities(environment), expected, rtol=1e-6)
    # A new lifetime counts at once, although probabilities are kept between lifetimes.
    before = one.probabilities(0)
    one.record(0, 0, 1.1e4)
    np.testing.assert_allclose(
        one.probabilities(0), from_all_records(one.config, [*ended, (0, 0, 1.1e4)], 0), rtol=1e-6
    )
    assert not np.allclose(before, one.probabilities(0), rtol=1e-3)


def test_a_bandit_from_a_checkpoint_goes_on_with_the_same_numbers():
    generator = np.random.default_rng(2)
    ended = [(0, arm, generator.normal(arm)) for arm in generator.integers(2, size=50).tolist()]
    one = bandit(*ended, normalise=True)
    again = Bandit(one.config, list(one.environment), list(one.arm), list(one.final_return))
    np.testing.assert_array_equal(one.probabilities(0), again.probabilities(0))
