"""The likeliest shares of a mixture whose parts are known, for many resamples at once.

In: the likelihood (n, classes) of each record under each class, up to a factor of its own, and how
often each record counts. Out: shares (classes,). The likelihood is concave in the shares; its
largest value is found by steps of expectation-maximisation, then by Newton steps under the
constraint that no share is below 0 (sequential quadratic programming as of Kim, Carbonetto,
Stephens and Anitescu 2020, https://arxiv.org/abs/1806.01412), which need a handful of steps where
a class is absent and expectation-maximisation needs thousands.
"""

from __future__ import annotations

import warnings

import numpy as np

# Added to the curvature, of which the largest entries are about 1: where records say nothing of a
# direction, the shares stay.
_RIDGE = 1e-9
# Numbers held at a time.
_BLOCK = 4_000_000


def likeliest_shares(
    ratios: np.ndarray,
    counts: np.ndarray,
    start: np.ndarray,
    tolerance: float,
    limit: int,
    *,
    first: int = 5,
) -> np.ndarray:
    """Shares of the largest likelihood, of each resample.

    Parameters
    ----------
    ratios : ndarray, shape (n, classes)
        Likelihoods, 0 or more, each row's largest above 0.
    counts : ndarray, shape (resamples, n)
        How often each record counts.
    start : ndarray, shape (classes,)
        Sums to 1; gives each record a likelihood above 0.
    tolerance : float
        Largest change of a share at which it ends.
    limit : int
        Steps; where they do not suffice, a ConvergenceWarning of scikit-learn is given.
    first : int
        Steps of expectation-maximisation before the first Newton step.

    Returns
    -------
    ndarray, shape (resamples, classes)
        Rows sum to 1.
    """
    shares: np.ndarray = np.tile(start, (len(counts), 1))
    before, gain = shares.copy(), np.zeros(len(counts))
    # The resamples whose shares still move.
    moving = np.arange(len(counts))
    change = np.zeros(0)
    for step in range(limit):
        now, previous = shares[moving], before[moving]
        slope, curvature, dead = _derivatives(ratios, counts[moving], now)
        # The likelihood is concave: too far beyond its height along the last step, go back.
        far = dead | ((slope * (now - previous)).sum(axis=1) < -0.5 * gain[moving])
        if step < first:
            aims = now * slope
            aims /= aims.sum(axis=1, keepdims=True)
        else:
            found = map(_constrained, curvature, slope, now)
            aims = np.stack([*found])
        aims[far] = (now[far] + previous[far]) / 2
        before[moving[~far]] = now[~far]
        gain[moving] = np.where(far, gain[moving] / 2, (slope * (aims - now)).sum(axis=1))
        shares[moving] = aims
        change = abs(aims - now).max(axis=1)
        moving = moving[far | (change >= tolerance)]
        if not len(moving):
            return shares
    from sklearn.exceptions import ConvergenceWarning

    warnings.warn(
        f"After {limit} iterations the prior still moves by {change.max():.1e}: the records hardly "
        "tell the classes apart, or they are too few.",
        ConvergenceWarning,
        stacklevel=3,
    )
    return shares


def _derivatives(
    ratios: np.ndarray, counts: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the mean log-likelihood of each resample: slope, minus curvature, and where it is -inf.

    Shapes (resamples, classes), (resamples, classes, classes) and (resamples,).
    """
    classes = ratios.shape[1]
    mass = shares @ ratios.T
    # A record that was not drawn may have no likelihood under what is left.
    dead = ((mass <= 0) & (counts > 0)).any(axis=1)
    inverse = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
    weights = counts * inverse
    weights /= counts.sum(axis=1, keepdims=True)
    slope = weights @ ratios
    weights *= inverse
    curvature = np.zeros((len(shares), classes * classes))
    step = max(1, _BLOCK // classes**2)
    for begin in range(0, len(ratios), step):
        part = ratios[begin : begin + step]
        products = (part[:, :, None] * part[:, None, :]).reshape(len(part), -1)
        curvature += weights[:, begin : begin + step] @ products
    return slope, curvature.reshape(-1, classes, classes), dead


def _constrained(curvature: np.ndarray, slope: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Shares, 0 or more, at the largest value of the quadratic model around ``shares``.

    The sum of the shares is left free and its price, 1 for each share, put into the slope: at the
    largest likelihood the sum is 1.
    """
    from scipy.optimize import nnls

    ridge = _RIDGE * max(1.0, float(np.trace(curvature)))
    factor = np.linalg.cholesky(curvature + ridge * np.eye(len(slope)))
    # The curvature times the shares is the slope.
    wanted = np.linalg.solve(factor, 2 * slope - 1 + ridge * shares)
    found, _ = nnls(factor.T, wanted)
    total = found.sum()
    return np.asarray(found / total) if total > 0 else shares
