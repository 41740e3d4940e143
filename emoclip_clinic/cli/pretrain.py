"""The verbs of `pretrain`: prepare clips, and train on them."""

import typer

from emoclip_clinic.cli import pretrain_prepare, pretrain_train
from emoclip_clinic.cli.default_verb import GroupWithDefault
from emoclip_clinic.cli.verb import add_verb

__all__ = ["pretrain_group"]


def pretrain_group() -> typer.Typer:
    """Make the group: `pretrain prepare MANIFEST` and `pretrain RECIPE.yaml`, which is short for `run`."""
    group = typer.Typer(
        cls=GroupWithDefault,
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
        help="Prepare captioned clips and train a model on them.",
        subcommand_metavar="RECIPE.yaml | COMMAND [ARGS]...",
    )
    add_verb(group, pretrain_train.run)
    add_verb(group, pretrain_prepare.prepare, options=pretrain_prepare.setting_options())
    return group
