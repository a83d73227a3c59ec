"""The command line: one group, one module for each command."""

from __future__ import annotations

import click

from whenthen.cli.check import check
from whenthen.cli.coverage import coverage
from whenthen.cli.explain import explain
from whenthen.cli.found import OpenGroup
from whenthen.cli.output import survive_odd_characters
from whenthen.cli.plugin import plugin
from whenthen.cli.plugins import plugins
from whenthen.cli.replay import replay
from whenthen.cli.schema import schema
from whenthen.cli.test import test
from whenthen.cli.wanted import plugin_options

__all__ = ["main"]


@click.group(cls=OpenGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="whenthen")
@plugin_options
def main() -> None:
    """Rules for sensors and actuators, written in JSON.

    Exit codes: 0 all is well, 1 something was found (an invalid rule, a row that cannot be read, a test that fails),
    2 wrong use.
    """
    survive_odd_characters()


for _command in (replay, explain, check, test, coverage, schema, plugins, plugin):
    main.add_command(_command)
