"""The keys that some rows have, so that other rows with one of them are found: exactly, and without reading digests as text.

A value is known by 32 bytes: a digest by itself, anything else by its BLAKE2 under a key of this process, so that nobody can make up two
values that are taken for one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.contract import Key, Shape
from connectors.digests import is_digest, whole

NOT_THERE: Final = -1
_BYTES: Final = 32
_WORDS: Final = _BYTES // 8
_DIGEST: Final = re.compile("[0-9a-f]{32}|[0-9a-f]{64}")
_SECRET: Final = secrets.token_bytes(32)
_FILLER: Final = secrets.token_bytes(16)
"""Behind digests of 16 bytes."""
_ODD: Final = np.uint64(secrets.randbits(64) | 1)
"""What words are mixed with. Nobody outside knows which of them begin alike."""
_MOST_BITS: Final = 22


@dataclass(frozen=True)
class Names:
    """What rows are known by: for each some words of 64 bits, and whether it is known at all."""

    words: np.ndarray
    filled: np.ndarray

    def of(self, places: np.ndarray) -> Names:
        """Of some of the rows, by places or by a mask."""
        return Names(self.words[places], self.filled[places])


def keys_of(rows: pa.Table, key: Key) -> Names:
    """Rows by a key of theirs, where all columns of it are filled."""
    return _beside([_values(rows.column(name)) for name in key.columns])


def nobody_by(key: Key) -> Names:
    """No row, as they are known by a key."""
    return Names(np.zeros((0, _WORDS * len(key.columns)), np.uint64), np.zeros(0, np.bool_))


def versions_of(rows: pa.Table) -> Names:
    """Rows by member and version."""
    members = rows.column("member").to_numpy().view(np.uint64).reshape(-1, 1)
    return _beside([Names(members, np.ones(len(members), np.bool_)), _values(rows.column("version"))])


class KeySet:
    """What some rows are known by, each once, in an order of its own."""

    def __init__(self, names: Names) -> None:
        places = np.flatnonzero(names.filled)
        words = names.words[places]
        order = np.argsort(_heads(words), kind="stable")
        heads, same = _in(words, order)
        if (
            (heads[1:] == heads[:-1]) & ~same
        ).any():  # two begin alike: what is the same has to lie together all the same
            order = np.lexsort((*words.T, _heads(words)))
            heads, same = _in(words, order)
        first = np.append(np.ones(min(len(order), 1), np.bool_), ~same)
        self.words: Final = words[order[first]]
        self.of: Final = np.full(len(names.filled), NOT_THERE)
        """Which of them each of the rows has, or NOT_THERE."""
        self.of[places[order]] = np.cumsum(first) - 1
        self._heads = heads[first]
        bits = min(_MOST_BITS, 4 + len(self.words).bit_length())
        self._shift = np.uint64(64 - bits)
        self._perhaps = np.zeros(1 << bits, np.bool_)
        self._perhaps[self._heads >> self._shift] = True

    def __len__(self) -> int:
        """How many there are."""
        return len(self.words)

    def find(self, names: Names) -> np.ndarray:
        """Which of them each of other rows has, or NOT_THERE."""
        found = np.full(len(names.filled), NOT_THERE)
        heads = _heads(names.words)
        asked = np.flatnonzero(names.filled & self._perhaps[heads >> self._shift])
        at = np.searchsorted(self._heads, heads[asked])
        while len(asked):
            there = at < len(self)
            there[there] = self._heads[at[there]] == heads[asked[there]]
            asked, at = asked[there], at[there]
            same = (self.words[at] == names.words[asked]).all(axis=1)
            found[asked[same]] = at[same]
            asked, at = asked[~same], at[~same] + 1  # the next one may begin alike
        return found

    def has(self, names: Names) -> np.ndarray:
        """Which of other rows have one of them."""
        found: np.ndarray = self.find(names) != NOT_THERE
        return found


def share_one(rows: pa.Table, shape: Shape, sets: Sequence[KeySet]) -> np.ndarray:
    """Which rows have a key of those: a set for each key of the shape."""
    return reduce(np.logical_or, [keys.has(keys_of(rows, key)) for keys, key in zip(sets, shape.keys, strict=True)])


def _in(words: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In an order: what each begins with, and whether it is the one before once more."""
    heads = _heads(words)[order]
    alike = np.flatnonzero(heads[1:] == heads[:-1])
    same = np.zeros(max(len(order) - 1, 0), np.bool_)
    same[alike] = (words[order[alike]] == words[order[alike + 1]]).all(axis=1)
    return heads, same


def _heads(words: np.ndarray) -> np.ndarray:
    """One word for each row, made of all of its words."""
    return reduce(lambda heads, more: heads * _ODD + more, words.T[1:], words[:, 0])


def _beside(names: list[Names]) -> Names:
    if len(names) == 1:
        return names[0]
    return Names(np.hstack([each.words for each in names]), reduce(np.logical_and, [each.filled for each in names]))


def _values(column: pa.ChunkedArray) -> Names:
    values = whole(column)
    filled = values.is_valid().to_numpy(zero_copy_only=False)
    return Names(_digests(values) if is_digest(values.type) else _texts(values), filled)


def _digests(values: pa.Array) -> np.ndarray:
    width = values.type.byte_width // 8
    buffer = values.buffers()[1]
    words = np.frombuffer(buffer, np.uint64, len(values) * width, values.offset * width * 8).reshape(-1, width)
    if width == _WORDS:
        return words
    return np.hstack([words, np.broadcast_to(np.frombuffer(_FILLER, np.uint64), words.shape)])


def _texts(values: pa.Array) -> np.ndarray:
    if values.null_count == len(values):
        return np.zeros((len(values), _WORDS), np.uint64)
    coded = values.dictionary_encode()
    known = b"".join(_known_by(text) for text in coded.dictionary.to_pylist())
    words: np.ndarray = np.frombuffer(known, np.uint64).reshape(-1, _WORDS)[coded.indices.fill_null(0).to_numpy()]
    return words


def _known_by(text: str) -> bytes:
    """The same, whether a column lies in a file as text or as bytes."""
    if _DIGEST.fullmatch(text):
        return (bytes.fromhex(text) + _FILLER)[:_BYTES]
    return hashlib.blake2b(text.encode(), digest_size=_BYTES, key=_SECRET).digest()
