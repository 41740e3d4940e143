"""A group in which one verb's name may be left out."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from emoclip_clinic.cli.default_verb import GroupWithDefault
from emoclip_clinic.cli.verb import Call, add_verb


def run(call: Call, recipe: Annotated[Path, typer.Argument()]) -> int:
    """Train."""
    typer.echo(f"run {recipe} in {call.options.study}")
    return 0


def prepare(call: Call, manifest: Annotated[Path, typer.Argument()]) -> int:
    """Prepare."""
    typer.echo(f"prepare {manifest}")
    return 0


@pytest.fixture
def group() -> typer.Typer:
    made = typer.Typer(
        cls=GroupWithDefault,
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
        subcommand_metavar="RECIPE.yaml | COMMAND [ARGS]...",
    )
    add_verb(made, prepare)
    add_verb(made, run)
    return made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recipe.yaml"], "run recipe.yaml in ."),
        (["run", "recipe.yaml"], "run recipe.yaml in ."),
        (["--study", "..", "recipe.yaml"], "run recipe.yaml in .."),
        (["emoclip-recommended"], "run emoclip-recommended in ."),
        (["prepared.yaml"], "run prepared.yaml in ."),
        (["./prepare"], "run prepare in ."),
        (["prepare", "clips.csv"], "prepare clips.csv"),
    ],
)
def test_what_is_no_verb_goes_to_the_default_verb(group, arguments, said) -> None:
    result = CliRunner().invoke(group, arguments)
    assert result.stdout.strip() == said, result.output


def test_a_mistyped_verb_is_refused_as_one(group) -> None:
    result = CliRunner().invoke(group, ["preprae", "clips.csv"])
    assert result.exit_code == 2
    assert "prepare" in result.output


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_verbs(group, arguments) -> None:
    result = CliRunner().invoke(group, arguments)
    assert "RECIPE.yaml" in result.output
    assert "prepare" in result.output
