"""Linear probes: how well a linear classifier tells classes by the features behind a cut (Alain and Bengio 2016)."""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)  # C of scikit-learn: one over the regularisation
INSIDE = 3  # folds of the training images, on which C is chosen
USUAL = 0.1  # C where a class has one training image, so that there is nothing to choose it on
PATIENCE = 300  # iterations; a probe that is not quite settled by then is as good


def fitted(features: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Return logistic regression on standardised features, its regularisation chosen on folds of these very images.

    Args:
        features: float32 `[N, width]`.
        labels: int64 `[N]`, of two classes or more.
    """
    steps = [("scale", StandardScaler())]
    if features.shape[1] > len(features):
        steps.append(("turn", PCA(svd_solver="full")))  # the same classifier, in as many directions as there are images
    probe = Pipeline([*steps, ("classify", LogisticRegression(C=USUAL, max_iter=PATIENCE))])
    inside = min(INSIDE, int(np.unique(labels, return_counts=True)[1].min()))
    # one thread: for matrices of this size several only wait for each other, and for long where other programs run
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        if inside < 2:
            return probe.fit(features, labels)
        folds = StratifiedKFold(inside, shuffle=True, random_state=0)
        return GridSearchCV(probe, {"classify__C": STRENGTHS}, cv=folds).fit(features, labels).best_estimator_


def answers(features: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Fit a probe on the rows `train`, and return the classes, int64, that it predicts for the rows `test`.

    >>> points = np.array([[0.0], [0.1], [0.9], [1.0]], np.float32)
    >>> answers(points, np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]), np.array([0, 3])).tolist()
    [0, 1]
    """
    return fitted(features[train], labels[train]).predict(features[test])


def in_folds(
    features: np.ndarray, labels: np.ndarray, fold: np.ndarray, done: Callable[[], object] = lambda: None
) -> np.ndarray:
    """Return for every row the class, int64 `[N]`, that a probe fitted on the other folds predicts.

    Rows whose `fold` (int64 `[N]`) is below 0 are left out, and get -1. `done` is called after each probe.

    >>> points = np.array([[0.0], [1.0], [0.1], [0.9]], np.float32)
    >>> in_folds(points, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])).tolist()
    [0, 1, 0, 1]
    """
    said = np.full(len(labels), -1)
    for one in np.unique(fold[fold >= 0]):
        test = np.flatnonzero(fold == one)
        said[test] = answers(features, labels, np.flatnonzero((fold >= 0) & (fold != one)), test)
        done()
    return said
