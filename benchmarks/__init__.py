"""How fast the product is, measured through its own code: `python -m benchmarks`. Nothing here is a test.

What comes with an extra alone is not there: pandas, which Spark's brings, is loaded by every worker where it is installed.
"""

from tests import not_there as not_there
