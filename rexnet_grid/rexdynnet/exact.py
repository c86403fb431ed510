"""Sums of products to more digits than one number has.

What is stored in a second is the difference of two sums that may be ten thousand million times as large. So a sum is
kept as two numbers, what the additions and products have rounded off being summed on its own: algorithm 5.3 of
T. Ogita, S. M. Rump and S. Oishi, SIAM J. Sci. Comput. 26 (2005) 1955-1988, https://doi.org/10.1137/030601818.
"""

from __future__ import annotations

from rexnet_grid.rexdynnet.compiled import inner

HALVES = 134217729.0  # 2^27 + 1, cuts the digits of a number in two


@inner
def rounded_off(a: float, b: float, total: float) -> float:
    """Return what the sum of two numbers misses of the whole."""
    more = total - a
    return (a - (total - more)) + (b - more)


@inner
def added_product(total: float, missed: float, a: float, b: float) -> tuple[float, float]:
    """Return a sum with the product of two numbers more, and what it misses of the whole."""
    product = a * b
    part = HALVES * a
    a_high = part - (part - a)
    part = HALVES * b
    b_high = part - (part - b)
    a_low, b_low = a - a_high, b - b_high
    rounded = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    now = total + product
    return now, missed + (rounded_off(total, product, now) + rounded)
