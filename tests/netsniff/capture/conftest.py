"""The helper is for Linux: elsewhere its tests cannot even be imported."""

import sys

_LINUX = ("capture", "privilege")
collect_ignore = [] if sys.platform == "linux" else [f"test_{name}.py" for name in _LINUX]
