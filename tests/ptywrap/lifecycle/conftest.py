"""Leaves out, on other systems, the tests of files that open with the assertion of one."""

import sys

_LINUX = ("proctree", "reader", "resync", "scheduling", "usage")

collect_ignore = [] if sys.platform == "linux" else [f"test_{name}.py" for name in _LINUX]
