"""A group in which one verb's name may be left out: `pretrain RECIPE.yaml` beside `pretrain prepare`."""

from difflib import get_close_matches
from typing import Any

from emoclip_clinic.cli.help_texts import PlainGroup

__all__ = ["GroupWithDefault"]


class GroupWithDefault(PlainGroup):
    """A group that takes its arguments for those of `default_verb` unless they begin with a verb's name.

    A word that is nearly a verb's name, and has no suffix as a file has, is still refused as a mistyped verb.
    """

    default_verb = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # of classes that are private to Typer
        """Put the name of the default verb in front of its arguments."""
        asks_for_help = args[:1] in ([], ["--help"], ["-h"])
        if self.default_verb in self.commands and not asks_for_help and not self._is_meant_as_verb(args[0]):
            args = [self.default_verb, *args]
        return super().parse_args(ctx, args)

    def _is_meant_as_verb(self, word: str) -> bool:
        if word in self.commands:
            return True
        return "." not in word and bool(get_close_matches(word, self.commands, n=1, cutoff=0.75))
