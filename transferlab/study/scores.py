"""Forecasts that train nothing: how well features suit the labels, by the scores that others have proposed.

Each takes features, float `[N, width]`, and labels, int64 `[N]`; a higher score is said to foretell a better transfer.
"""

import numpy as np

TURNS = 100  # of LogME's search for its two precisions, which takes about ten
SETTLED = 1e-3  # relative change at which it ends


def cka(features: np.ndarray, labels: np.ndarray) -> float:
    """Return linear CKA between features and classes, 0..1 (Kornblith et al. 2019).

    >>> round(cka(np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1])), 6)
    1.0
    """
    values, classes = _centred(features), _centred(np.eye(int(labels.max()) + 1)[labels])
    shared = np.linalg.norm(classes.T @ values) ** 2
    return float(shared / (_gram(values) * _gram(classes)))


def h_score(features: np.ndarray, labels: np.ndarray) -> float:
    """Return how much of the features' covariance lies between classes (Bao et al. 2019).

    The covariance is shrunk as Ledoit and Wolf (2004) do, as Ibrahim et al. (2022) propose for few images.
    """
    from sklearn.covariance import ledoit_wolf  # here, since scikit-learn takes a while to import

    values = _centred(features)
    within, shrinkage = ledoit_wolf(values, assume_centered=True)
    means = np.stack([values[labels == label].mean(0) for label in np.unique(labels)])
    counts = np.unique(labels, return_counts=True)[1]
    between = (means * counts[:, None]).T @ means / len(values)
    return float((1 - shrinkage) * np.trace(np.linalg.solve(within, between)))


def log_me(features: np.ndarray, labels: np.ndarray) -> float:
    """Return the log evidence of a linear model, an image and class (LogME: You et al. 2021, by its fixed point)."""
    values = np.asarray(features, np.float64)
    count, width = values.shape
    left, scales, _ = np.linalg.svd(values, full_matrices=False)
    squares = scales**2
    found = []

    def fit(ratio: float, along: np.ndarray, rest: float) -> tuple[np.ndarray, float, float]:
        """Return by how much each direction is shrunk, the squared weights and the squared error."""
        shrunk = squares / (squares + ratio)
        weights = float((shrunk**2 / np.where(squares > 0, squares, 1) * along**2).sum())
        return shrunk, weights, float((((1 - shrunk) * along) ** 2).sum()) + rest

    for label in np.unique(labels):
        target = (labels == label).astype(float)
        along = left.T @ target
        rest = max(0.0, float(target @ target - along @ along))
        alpha, beta = 1.0, 1.0
        for _ in range(TURNS):
            shrunk, weights, error = fit(alpha / beta, along, rest)
            used = float(shrunk.sum())
            before, alpha, beta = alpha / beta, used / max(weights, 1e-12), (count - used) / max(error, 1e-12)
            if abs(alpha / beta - before) <= SETTLED * before:
                break
        _, weights, error = fit(alpha / beta, along, rest)
        logs = float(np.log(alpha + beta * squares).sum()) + (width - len(squares)) * np.log(alpha)
        evidence = width * np.log(alpha) + count * np.log(beta) - beta * error - alpha * weights - logs
        found.append((evidence - count * np.log(2 * np.pi)) / (2 * count))
    return float(np.mean(found))


def _centred(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64) - np.mean(values, 0, dtype=np.float64)


def _gram(values: np.ndarray) -> float:
    return float(np.linalg.norm(values.T @ values))
