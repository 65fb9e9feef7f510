"""Print every setting, its value, and the layer it came from.

Layers, later ones win: defaults, the system file, your file, PTYWRAP_* variables. A key that is not
known, or a value that does not fit, is refused here; a launch only passes it over.

Example: ptywrap config
"""

import argparse
import json

from rich.table import Table
from rich.text import Text

from ptywrap import config, paths
from ptywrap.cli import base, text


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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SETTING", "VALUE", "FROM"):
        table.add_column(heading, overflow="fold")
    for one in loaded.settings:
        value = json.dumps(one.value, ensure_ascii=False)
        table.add_row(one.name, Text(text.visible(value)), Text(text.visible(one.layer)))
    base.page().print(table)
    print(f"\nyour file: {paths.config_file()}\nsystem file: {paths.SYSTEM_CONFIG}")
    return 0
