"""Seeded random streams, one for each owner and purpose.

A stream depends on the seed and on its own name only, so adding one agent does not change another's luck, and neither
the order of calls nor ``PYTHONHASHSEED`` matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """The random streams of one run.

    Attributes
    ----------
    seed
        The seed of the scenario, a non-negative integer.
    """

    seed: int

    def generator(self, *name: str) -> np.random.Generator:
        """Return a new generator at the start of the stream called ``name``, e.g. ``("household-7", "arrivals")``."""
        digest = sha256("\x1f".join(name).encode()).digest()
        words = np.frombuffer(digest[:16], dtype="<u4")
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(int(word) for word in words)))
