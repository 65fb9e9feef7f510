"""Print every setting, its value, and the layer it came from.

Layers, later ones win: defaults, the system file, your file, PTYWRAP_* variables. A key that is not
known, or a value that does not fit, is refused here; a launch only passes it over.

Example: ptywrap config
"""

import argparse
import json

from ptywrap import config, paths
from ptywrap.cli import page
from ptywrap.cli.base import Column, Narrow

_COLUMNS = [Column(heading, Narrow.FOLD) for heading in ("SETTING", "VALUE", "FROM")]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output."""
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the settings in force, or say what is wrong with a layer."""
    loaded = config.load()
    config.demand(loaded)
    if args.json:
        settings = {one.name: {"value": one.value, "layer": one.layer} for one in loaded.settings}
        print(json.dumps(settings, indent=2, ensure_ascii=False))
        return 0
    rows = [
        (one.name, json.dumps(one.value, ensure_ascii=False), one.layer) for one in loaded.settings
    ]
    page.choose().table(_COLUMNS, rows)
    print(f"\nyour file: {paths.config_file()}\nsystem file: {paths.SYSTEM_CONFIG}")
    return 0
