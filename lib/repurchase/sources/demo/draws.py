"""Random numbers that belong to a thing and a purpose, not to a place in a queue.

A draw is a hash of (seed, purpose, keys), so a replay of the company without one cause gives every
other draw unchanged, and a new NumPy release (which may change its generators) changes nothing.
Mixing: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), once per key.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mixed(words: Words) -> Words:
    words = words ^ (words >> np.uint64(30))
    words = words * _FIRST
    words = words ^ (words >> np.uint64(27))
    words = words * _SECOND
    return words ^ (words >> np.uint64(31))


def words(seed: int, purpose: str, *keys: Ints | int) -> Words:
    """64 random bits for each tuple of keys; integer keys are broadcast."""
    digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    state = np.full(1, int.from_bytes(digest, "little"), dtype=np.uint64)
    for key in keys:
        state = keyed(state, key)
    return state


def keyed(state: Words, key: Ints | int) -> Words:
    """The same stream, one key further."""
    number = np.asarray(key).astype(np.int64).view(np.uint64) if np.ndim(key) else np.full(
        1, int(key), dtype=np.int64
    ).view(np.uint64)
    return _mixed((state ^ _mixed(number * _GOLDEN + _FIRST)) + _GOLDEN)


def fractions(state: Words) -> Floats:
    """The bits as numbers in [0, 1)."""
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform(seed: int, purpose: str, *keys: Ints | int) -> Floats:
    """One number in [0, 1) for each tuple of keys."""
    return fractions(words(seed, purpose, *keys))


def normal(seed: int, purpose: str, *keys: Ints | int) -> Floats:
    """One standard normal number for each tuple of keys (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, purpose + "/radius", *keys)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, purpose + "/angle", *keys))


def pick(draw: Floats, weights: Floats) -> Ints:
    """The index that each draw in [0, 1) chooses, by weight."""
    edges = np.cumsum(weights, dtype=np.float64)
    return np.minimum(np.searchsorted(edges / edges[-1], draw, side="right"), len(edges) - 1)


def below(draw: Floats, count: int) -> Ints:
    """Each draw in [0, 1) as a whole number 0..count - 1."""
    return (draw * count).astype(np.int64)
