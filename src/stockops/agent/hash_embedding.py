"""A text embedding without a model: nearly equal questions are close to each other, paraphrases are not."""

import hashlib
import math
import re
from collections import Counter

NAME = "lexical-1"  # part of the report cache key; increase it with every change below
DIMENSIONS = 768  # as nomic-embed-text, so that both fit into one collection
_LETTERS = 3


def embed(text: str) -> tuple[float, ...]:
    """Return the text's words and trigrams, hashed with signs into 768 dimensions, as a unit vector.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning (2009).
    """
    vector = [0.0] * DIMENSIONS
    for feature, count in Counter(_features(text)).items():
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        place = int.from_bytes(digest[:4], "big") % DIMENSIONS
        vector[place] += math.sqrt(count) * (1 if digest[4] & 1 else -1)
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return tuple(value / length for value in vector)


def _features(text: str) -> list[str]:
    words = re.findall(r"\w+", text.casefold())
    padded = " ".join(["", *words, ""])
    return words + [padded[i : i + _LETTERS] for i in range(len(padded) - _LETTERS + 1)]
