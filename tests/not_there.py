"""What comes with an extra alone is not there for the tests of all else, as for an operator who did not install it.

A plugin of pytest: `-p tests.not_there`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

OF_EXTRAS = ("pandas",)
"""Not pyspark: the product itself looks whether it is there."""


class _NotThere(MetaPathFinder):
    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if name.partition(".")[0] in OF_EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _NotThere())
