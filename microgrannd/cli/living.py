"""The command live; its docstring is its help."""

from __future__ import annotations

import argparse
import os

from .._streams import Output
from ..living.network import live as page_of
from ..living.network import network_page
from ..living.page import Page
from . import expressions, networks
from .outputs import require_output

#: The ends of names that are those of tables, not expressions, whether or not there is such a file.
TABLES = (".csv", ".tsv", ".txt", ".dat", ".data")


def live(options: argparse.Namespace, out: Output) -> None:
    """Write a page in which a network trains on a table, or in which an expression is computed anew."""
    options.data = options.expression.strip()
    is_table = options.data in networks.SETS or options.data.lower().endswith(TABLES) or os.path.isfile(options.data)
    if os.path.splitext(options.output)[1] != ".html":
        raise ValueError(f"--output: needs a name that ends with .html, got {options.output}")
    require_output("--output", options.output, *([options.data] if is_table else []))
    if is_table and options.assignments:
        raise ValueError("live of a table takes no NAME=NUMBER")
    page = _of_table(options, out) if is_table else page_of(expressions.evaluated(options), title=options.data)
    page.save(options.output)
    out.say(f"{page.title}: page written to {options.output}")


def _of_table(options: argparse.Namespace, out: Output) -> Page:
    ready, model, optimizer, _ = networks.made(options, out)
    judged = (list(ready.X(ready.held_out)), ready.y(ready.held_out)) if ready.held_out else None
    return network_page(
        model, list(ready.X(ready.train)), ready.y(ready.train), loss=ready.task.loss, optimizer=optimizer,
        batch_size=options.batch_size, validation=judged, seed=options.seed, names=ready.task.inputs,
        classes=ready.task.classes, title=f"{os.path.basename(options.data)}: {ready.task}", task=ready.task.encode(),
    )  # fmt: skip
