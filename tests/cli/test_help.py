"""What help shows, over all verbs."""

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from emoclip_clinic.cli import app


def verbs(command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from verbs(one, (*path, name))


VERBS = dict(verbs(get_command(app)))


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_option_states_its_default_or_is_needed(path: tuple[str, ...]) -> None:
    CliRunner().invoke(app, [*path, "--help"])
    command = VERBS[path]
    silent = [
        parameter.name
        for parameter in command.get_params(command.context_class(command))
        if parameter.expose_value
        and not parameter.is_eager
        and not parameter.required
        and "default" not in (parameter.help or "")
        and not isinstance(parameter.show_default, str)
    ]
    assert silent == []


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_help_shows_no_type_where_it_says_nothing(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"]).stdout
    assert "--help" in shown
    assert "<bool>" not in shown
    assert "ath>" not in shown
