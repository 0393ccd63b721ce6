"""The ratios that companies split by, new shares for old ones, and how usual each is among splits."""

_RARE = 0.015
RATIOS = {
    (2, 1): 0.25, (3, 1): 0.1, (3, 2): 0.08, (4, 1): 0.08, (5, 1): 0.06, (10, 1): 0.06, (1, 10): 0.06, (20, 1): 0.03,
    (1, 5): 0.03, (1, 2): 0.02, (1, 3): 0.02, (1, 4): 0.02, (1, 20): 0.02, (7, 1): 0.02,
    **{(new, 1): _RARE for new in (6, 8, 9, 12, 15, 25, 30, 40, 50, 100)},
    **{(1, old): _RARE for old in (6, 7, 8, 9, 12, 15, 25, 30, 35, 40, 50, 100)},
    **dict.fromkeys([(5, 2), (5, 3), (5, 4), (4, 3), (7, 4)], _RARE),
}  # fmt: skip
