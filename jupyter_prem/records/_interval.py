"""How sure a rate is."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["wilson"]


def wilson(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a rate (E. B. Wilson, JASA 22, 1927): its ends, between 0 and 1.

    Args:
        hits: How often it held.
        count: Of how many; of none, everything is possible.
        confidence: How often the interval holds the true rate.
    """
    if count == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, weight = hits / count, z * z / count
    middle = (rate + weight / 2) / (1 + weight)
    half = z * math.sqrt(rate * (1 - rate) / count + weight / (4 * count)) / (1 + weight)
    return max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < count else 1.0
