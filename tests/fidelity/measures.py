"""How far two pictures are apart.

References
----------
Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
"""

from dataclasses import dataclass

import numpy as np

_WINDOW = 7  # pixels, uniform
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BACKGROUND = 4  # grey levels: darker in both is background


@dataclass(frozen=True)
class Difference:
    """Of the samples of pixels that are not background: mean and 99th percentile; and the SSIM of the whole."""

    mean: float
    p99: float
    ssim: float

    def within(self, mean: float, p99: float, ssim: float = 0.0) -> bool:
        """Tell whether it is small enough."""
        return self.mean <= mean and self.p99 <= p99 and self.ssim >= ssim


def difference(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    """Compare two RGB pictures of one size, of shape (rows, columns, 3), 0 to 255."""
    a, b = ours.astype(float), theirs.astype(float)
    seen = np.maximum(a, b).max(axis=-1) > _BACKGROUND
    apart = np.abs(a - b)[seen]
    if not apart.size:
        return Difference(0.0, 0.0, 1.0)
    return Difference(float(apart.mean()), float(np.percentile(apart, 99)), ssim(a.mean(axis=-1), b.mean(axis=-1)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Give the mean structural similarity of two grey pictures, with a uniform window of 7 by 7 pixels."""
    size = min(_WINDOW, *a.shape)
    mean_a, mean_b = _means(a, size), _means(b, size)
    variance_a = np.maximum(_means(a * a, size) - mean_a**2, 0)
    variance_b = np.maximum(_means(b * b, size) - mean_b**2, 0)
    covariance = _means(a * b, size) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return float((top / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))).mean())


def _means(values: np.ndarray, size: int) -> np.ndarray:
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    windows = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return windows / size**2
