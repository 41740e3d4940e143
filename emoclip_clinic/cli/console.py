"""The two consoles of the command line: results go to ``out``, words about the work to ``err``."""

from rich.console import Console

__all__ = ["err", "out"]

# Paths and identifiers are other people's text: no markup and no automatic colours.
out = Console(markup=False, highlight=False, emoji=False)
err = Console(stderr=True, markup=False, highlight=False, emoji=False)
