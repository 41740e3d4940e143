"""What help shows: flags without a value and with their default, arguments by their name alone."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

__all__ = ["PlainCommand", "PlainGroup"]


class PlainCommand(TyperCommand):
    """A verb whose help shows no types where they say nothing."""

    def get_params(self, ctx: Any) -> list[Any]:  # of classes that are private to Typer
        """Return the parameters, described plainly."""
        return [_plain(parameter) for parameter in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """A group of verbs whose help shows no types where they say nothing."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, described plainly."""
        return [_plain(parameter) for parameter in super().get_params(ctx)]


def _plain(parameter: object) -> object:
    if isinstance(parameter, TyperOption) and parameter.is_flag:
        if parameter.metavar is None:
            parameter.metavar = ""
        if parameter.expose_value and "default" not in (parameter.help or ""):
            parameter.help = f"{parameter.help} (default off)"
    if isinstance(parameter, TyperArgument):
        # Typer has no setting for this: it would show PATH <list[Path]>.
        vars(parameter)["display_type_rich"] = lambda ctx: None
    return parameter
