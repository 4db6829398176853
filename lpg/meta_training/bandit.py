"""The bandit that chooses agent hyper-parameters for each new lifetime (equation 6 of the paper), on the host."""

import collections
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class BanditConfig:
    """Constants of the bandit."""

    num_arms: tuple[int, ...]
    """Number of arms of each environment."""
    temperature: float
    """Temperature τ of the softmax."""
    exploration: float
    """Weight ρ of the exploration bonus."""
    history: int
    """Number of the latest lifetimes that R(α, E) averages."""
    normalise: bool
    """Standardise returns within each environment (mean 0, standard deviation 1)."""
    share: bool
    """Use one table of returns for all environments; needs `normalise`."""

    def __post_init__(self) -> None:
        if self.share and not self.normalise:
            raise ValueError(
                "share_bandit needs normalise_bandit, because raw returns of different environments are not comparable"
            )
        if self.share and len(set(self.num_arms)) > 1:
            raise ValueError(
                "share_bandit needs the same arms in all environments, but their agents are of several kinds"
            )


class Summary:
    """What equation 6 needs of the lifetimes that ended; a record is added in constant time, however many there are."""

    def __init__(self, config: BanditConfig) -> None:
        num_environments, num_arms = len(config.num_arms), max(config.num_arms)
        self.config = config
        self.number = np.zeros((num_environments, num_arms), int)
        """[E, A] Lifetimes of each environment and arm."""
        self.mean, self.square_sum = np.zeros(num_environments), np.zeros(num_environments)
        """[E] Mean of the returns of each environment, and the sum of squared distances from it."""
        self.recent = [
            [collections.deque[tuple[int, float]](maxlen=config.history) for _ in range(num_arms)]
            for _ in range(1 if config.share else num_environments)
        ]
        """Environment and return of the latest lifetimes of each arm, in each table."""

    def add(self, environment: int, arm: int, final_return: float) -> None:
        """Adds an ended lifetime; mean and squares by Welford's update, which does not lose digits."""
        self.number[environment, arm] += 1
        distance = final_return - self.mean[environment]
        self.mean[environment] += distance / self.number[environment].sum()
        self.square_sum[environment] += distance * (final_return - self.mean[environment])
        self.recent[0 if self.config.share else environment][arm].append((environment, final_return))

    def probabilities(self, environment: int) -> np.ndarray:
        """See `Bandit.probabilities`."""
        config, num_arms = self.config, self.config.num_arms[environment]
        number = (self.number.sum(0) if config.share else self.number[environment])[:num_arms]
        if (number == 0).any():
            return (number == 0) / (number == 0).sum()
        table = self.recent[0 if config.share else environment][:num_arms]
        mean = np.array([self._scores(np.array(rows)).mean() for rows in table])
        preference = (mean + config.exploration / np.sqrt(number)) / config.temperature
        weight = np.exp(preference - preference.max())
        return weight / weight.sum()

    def _scores(self, rows: np.ndarray) -> np.ndarray:
        """Of [n, 2] environments and returns: the returns, raw or standardised within each environment."""
        if not self.config.normalise:
            return rows[:, 1]
        environment = rows[:, 0].astype(int)
        std = np.sqrt(self.square_sum / np.maximum(self.number.sum(1), 1))
        return (rows[:, 1] - self.mean[environment]) / np.where(std > 0, std, 1.0)[environment]


@dataclasses.dataclass
class Bandit:
    """Environment, arm and final return of every ended lifetime, oldest first."""

    config: BanditConfig
    environment: list[int] = dataclasses.field(default_factory=list)
    arm: list[int] = dataclasses.field(default_factory=list)
    final_return: list[float] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self._worst: dict[int, float] = {}
        self._summary, self._known = Summary(self.config), dict[int, np.ndarray]()
        for lifetime in zip(self.environment, self.arm, self.final_return, strict=True):
            self._add(*lifetime)

    def record(self, environment: int, arm: int, final_return: float) -> None:
        """Records an ended lifetime; a return that is not finite (no episode ended) is left out."""
        if np.isfinite(final_return):
            self.environment.append(environment)
            self.arm.append(arm)
            self.final_return.append(float(final_return))
            self._add(environment, arm, float(final_return))

    def record_failure(self, environment: int, arm: int) -> None:
        """Records a diverged lifetime as the worst return so far; else an arm that always diverges stays untried."""
        if environment in self._worst:
            self.record(environment, arm, self._worst[environment])

    def probabilities(self, environment: int) -> np.ndarray:
        """p(α | E) ∝ exp((R(α, E) + ρ/√N(α, E)) / τ); while there are untried arms, uniform over these.

        R(α, E) is the mean final return of the last `history` lifetimes of arm α, N(α, E) the number of all of them.

        Differs from the paper, which does not treat untried arms.

        Returns:
            Probabilities of the environment's arms.
        """
        if environment not in self._known:
            self._known[environment] = self._summary.probabilities(environment)
        return self._known[environment]

    def choose(self, environment: int, generator: np.random.Generator) -> int:
        """Draws an arm for a new lifetime."""
        return int(generator.choice(self.config.num_arms[environment], p=self.probabilities(environment)))

    def _add(self, environment: int, arm: int, final_return: float) -> None:
        self._summary.add(environment, arm, final_return)
        self._worst[environment] = min(final_return, self._worst.get(environment, final_return))
        self._known.clear()
