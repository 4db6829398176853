"""The bandit that chooses agent hyper-parameters for each new lifetime (equation 6 of the paper), on the host."""

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


@dataclasses.dataclass
class Bandit:
    """Environment, arm and final return of every ended lifetime, oldest first."""

    config: BanditConfig
    environment: list[int] = dataclasses.field(default_factory=list)
    arm: list[int] = dataclasses.field(default_factory=list)
    final_return: list[float] = dataclasses.field(default_factory=list)

    def record(self, environment: int, arm: int, final_return: float) -> None:
        """Records an ended lifetime; a return that is not finite (no episode ended) is left out."""
        if np.isfinite(final_return):
            self.environment.append(environment)
            self.arm.append(arm)
            self.final_return.append(float(final_return))

    def record_failure(self, environment: int, arm: int) -> None:
        """Records a diverged lifetime as the worst return so far; else an arm that always diverges stays untried."""
        returns = [r for e, r in zip(self.environment, self.final_return, strict=True) if e == environment]
        if returns:
            self.record(environment, arm, min(returns))

    def probabilities(self, environment: int) -> np.ndarray:
        """p(α | E) ∝ exp((R(α, E) + ρ/√N(α, E)) / τ); while there are untried arms, uniform over these.

        R(α, E) is the mean final return of the last `history` lifetimes of arm α, N(α, E) the number of all of them.

        Differs from the paper, which does not treat untried arms.

        Returns:
            Probabilities of the environment's arms.
        """
        config = self.config
        num_arms = config.num_arms[environment]
        environments, arms = np.array(self.environment, int), np.array(self.arm, int)
        score = self._scores(environments)
        is_counted = np.ones(len(arms), bool) if config.share else environments == environment
        number = np.bincount(arms[is_counted], minlength=num_arms)
        if (number == 0).any():
            return (number == 0) / (number == 0).sum()
        mean = np.array([score[is_counted & (arms == a)][-config.history :].mean() for a in range(num_arms)])
        preference = (mean + config.exploration / np.sqrt(number)) / config.temperature
        weight = np.exp(preference - preference.max())
        return weight / weight.sum()

    def choose(self, environment: int, generator: np.random.Generator) -> int:
        """Draws an arm for a new lifetime."""
        return int(generator.choice(self.config.num_arms[environment], p=self.probabilities(environment)))

    def _scores(self, environments: np.ndarray) -> np.ndarray:
        """Final returns, raw or standardised within each environment."""
        score = np.array(self.final_return, float)
        if self.config.normalise:
            for environment in np.unique(environments):
                rows = environments == environment
                std = score[rows].std()
                score[rows] = (score[rows] - score[rows].mean()) / (std if std > 0 else 1.0)
        return score
