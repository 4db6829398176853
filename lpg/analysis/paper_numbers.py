"""The paper's numbers, as read off its figures: what ours are held against.

Measured from the drawings, good to about 0.1 % of an axis; Oh et al. (2020), figures 3, 5, 6, 7, 9 and 10.
"""

FIGURE_3: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "tabular/dense": {"a2c": (5.84, 7.90, 8.27, 8.64), "lpg-v": (6.65, 8.61, 8.94, 8.99),
                      "lpg": (7.07, 9.52, 10.37, 10.43)},
    "tabular/sparse": {"a2c": (-0.12, 0.58, 0.84, 0.91), "lpg-v": (0.86, 0.98, 0.98, 0.984),
                       "lpg": (0.90, 0.98, 0.98, 0.981)},
    "tabular/long_horizon": {"a2c": (2.85, 6.32, 9.93, 11.53), "lpg-v": (6.33, 12.9, 14.7, 14.97),
                             "lpg": (15.5, 17.4, 17.7, 17.97)},
    "tabular/longer_horizon": {"a2c": (2.82, 6.19, 7.31, 7.83), "lpg-v": (5.11, 7.52, 8.27, 8.42),
                               "lpg": (8.89, 9.59, 10.0, 9.76)},
    "tabular/long_dense": {"a2c": (12.3, 15.4, 17.9, 19.90), "lpg-v": (15.3, 20.1, 23.5, 24.85),
                           "lpg": (23.8, 30.4, 32.6, 33.66)},
    "random/dense": {"a2c": (6.15, 7.63, 8.34, 8.68), "lpg-v": (1.15, 5.13, 7.45, 8.45),
                     "lpg": (7.88, 11.1, 11.3, 11.43)},
    "random/long_horizon": {"a2c": (7.85, 10.6, 11.9, 12.71), "lpg-v": (0.56, 4.73, 8.50, 10.57),
                            "lpg": (8.42, 12.3, 12.7, 13.18)},
    "random/small": {"a2c": (3.93, 5.71, 7.22, 8.04), "lpg-v": (0.53, 4.49, 7.46, 10.12),
                     "lpg": (6.21, 11.8, 14.2, 15.56)},
    "random/small_sparse": {"a2c": (0.79, 0.90, 0.92, 0.923), "lpg-v": (0.41, 0.76, 0.81, 0.829),
                            "lpg": (0.56, 0.86, 0.89, 0.902)},
    "random/very_dense": {"a2c": (294, 315, 311, 323), "lpg-v": (247, 234, 244, 237), "lpg": (293, 322, 325, 326)},
    "chain/short": {"a2c": (0.50, 0.78, 0.90, 0.940), "lpg-v": (0.95, 1.0, 1.0, 0.998),
                    "lpg": (0.96, 1.0, 1.0, 0.999)},
    "chain/short_noisy": {"a2c": (0.53, 0.83, 0.94, 0.93), "lpg-v": (0.89, 1.01, 0.98, 1.03),
                          "lpg": (0.92, 1.01, 0.98, 1.03)},
    "chain/long": {"a2c": (0.82, 0.96, 0.99, 0.990), "lpg-v": (0.91, 0.95, 0.99, 0.997),
                   "lpg": (0.90, 0.95, 0.97, 0.968)},
    "chain/long_noisy": {"a2c": (0.69, 0.90, 0.93, 0.977), "lpg-v": (0.79, 0.83, 0.93, 0.971),
                         "lpg": (0.86, 0.86, 0.96, 1.00)},
    "chain/distractor": {"a2c": (0.70, 0.86, 0.90, 0.915), "lpg-v": (0.45, 0.67, 0.78, 0.854),
                         "lpg": (0.65, 0.82, 0.84, 0.860)},
}  # fmt: skip
"""Mean return at 25, 50, 75 and 100 % of the drawn range, by environment and rule."""

FIGURE_3_SHARES = (0.25, 0.5, 0.75, 1.0)
FIGURE_3_STEPS: dict[str, int] = {name: {"tabular": 3_000_000, "random": 30_000_000}.get(name.split("/")[0], 100_000)
                                  for name in FIGURE_3} | {
    "chain/long": 200_000, "chain/long_noisy": 200_000, "chain/distractor": 3_000_000,
}  # fmt: skip
"""The drawn range, in environment steps of all environments together, as the figure's axes say."""
FIGURE_3_DOUBTFUL = tuple(name for name in FIGURE_3 if not name.startswith("random/") and name != "chain/distractor")
"""Where the curves' raw data suggest that a point stands for ten agent updates: the range may be ten times as long."""

FIGURE_5: dict[float, dict[str, dict[int, float]]] = {
    0.995: {"td": {0: 2.3e-1, 50: 6.8e-4, 100: 2.4e-4, 200: 2.1e-4, 300: 1.5e-4},
            "y": {0: 8.9e-2, 50: 7.7e-3, 100: 2.3e-3, 200: 4.3e-4, 300: 2.2e-4}},
    0.99: {"td": {50: 7.1e-4, 100: 2.6e-4, 200: 2.0e-4, 300: 1.6e-4},
           "y": {0: 7.6e-2, 50: 7.8e-3, 100: 2.4e-3, 200: 4.4e-4, 300: 2.1e-4}},
    0.95: {"td": {0: 1.7e-1, 50: 1.4e-3, 100: 8.2e-4, 200: 5.9e-4, 300: 6.1e-4},
           "y": {0: 4.8e-2, 50: 3.9e-3, 100: 1.4e-3, 200: 2.8e-4, 300: 1.4e-4}},
    0.9: {"td": {0: 1.4e-1, 50: 3.0e-3, 100: 1.6e-3, 200: 1.2e-3, 300: 1.2e-3},
          "y": {0: 4.8e-2, 50: 3.2e-3, 100: 1.0e-3, 200: 1.8e-4, 300: 8.7e-5}},
}  # fmt: skip
"""Mean squared error of true values regressed from TD(λ)'s value and from y, by discount and iteration."""

FIGURE_6: dict[int, float] = {0: 0.41, 10: 0.165, 25: 0.084, 50: 0.036, 75: 0.019, 100: 0.014, 150: 0.0074, 200: 0.0064}
"""KL(y0 ‖ y1) in nats by iteration."""

FIGURE_7_UPDATES = (100, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 12_000, 14_000)
FIGURE_7: dict[str, tuple[float, ...]] = {
    "lpg": (0.14, 0.45, 0.55, 0.46, 0.47, 0.64, 0.69, 0.75, 0.82, 0.90, 0.92, 0.96),
    "lpg-v": (0.26, 0.54, 0.63, 0.66, 0.68, 0.69, 0.73, 0.74, 0.78, 0.78, 0.81, 0.82),
    "no-softmax": (0.14, 0.35, 0.43, 0.55, 0.56, 0.57, 0.60, 0.65, 0.64, 0.66, 0.66, 0.66),
    "no-entropy": (0.16, 0.36, 0.51, 0.53, 0.58, 0.59, 0.48, 0.55, 0.51, 0.49, 0.48, 0.52),
    "no-l2": (0.16, 0.44, 0.28, 0.28, 0.26, 0.18, 0.29, 0.29, 0.26, 0.40, 0.23, 0.27),
    "fixed-hyper": (0.16, 0.44, 0.47, 0.48, 0.40, 0.45, 0.55, 0.49, 0.35, 0.44, 0.53, 0.40),
}
"""Normalised return by variant at the meta-updates above."""

FIGURE_9: dict[str, dict[str, int]] = {
    "none": {"lpg": 0}, "tabular": {"lpg": 5}, "tabular,random": {"lpg": 7},
    "tabular,random,chain": {"lpg": 14, "lpg-v": 7},
}  # fmt: skip
"""Atari games on which agents end above a human, by what the rule was meta-trained on."""

FIGURE_10: dict[str, tuple[float, float]] = {
    "alien": (1779, 2056), "amidar": (142, 399), "assault": (1068, 9234), "asterix": (4990, 8160),
    "asteroids": (1934, 3826), "atlantis": (325822, 913149), "bank_heist": (207, 470), "battle_zone": (2525, 10562),
    "beam_rider": (1471, 13570), "berzerk": (649, 823), "bowling": (23.4, 32.0), "boxing": (65.3, 98.7),
    "breakout": (300, 576), "centipede": (5615, 6053), "chopper_command": (2115, 9999),
    "crazy_climber": (103977, 114962), "defender": (24904, 81764), "demon_attack": (2766, 68301),
    "double_dunk": (-18.4, -13.0), "enduro": (0, 0), "fishing_derby": (-81.4, -2.1), "freeway": (0, 0),
    "frostbite": (257, 291), "gopher": (4160, 8688), "gravitar": (199, 226), "hero": (8761, 13141),
    "ice_hockey": (-6.6, -4.8), "jamesbond": (365, 398), "kangaroo": (141, 123), "krull": (5262, 8735),
    "kung_fu_master": (15484, 28631), "montezuma_revenge": (30.1, 0), "ms_pacman": (2513, 2105),
    "name_this_game": (7380, 11284), "phoenix": (2857, 6250), "pitfall": (-13.9, -6.8), "pong": (6.7, 20.7),
    "private_eye": (54.6, 97.9), "qbert": (4777, 10490), "riverraid": (4189, 4398), "road_runner": (41747, 131749),
    "robotank": (2.3, 5.7), "seaquest": (1037, 1609), "skiing": (-29975, -29975), "solaris": (2325, 2128),
    "space_invaders": (387, 710), "star_gunner": (11353, 80494), "surround": (-7.3, -4.0), "tennis": (-14.5, -0.72),
    "time_pilot": (2753, 6332), "tutankham": (249, 195), "up_n_down": (4737, 174906), "venture": (0, 0),
    "video_pinball": (92679, 345841), "wizard_of_wor": (939, 2745), "yars_revenge": (14796, 23581),
    "zaxxon": (25.4, 8659),
}  # fmt: skip
"""Mean score of the last 12 M frames under LPG and under A2C, by game."""

FIGURE_8: tuple[str, ...] = ("tutankham", "breakout", "yars_revenge")
"""The games that figure 8 singles out."""
