"""The verb `predict`: apply the models of a fit to new participants."""

import math
from pathlib import Path
from typing import Annotated

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.tables import counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call

__all__ = ["predict"]


def predict(
    call: Call,
    new_study: Annotated[
        Path,
        typer.Argument(
            metavar="NEW_STUDY", help="Folder of the study of the new participants.", show_default=False
        ),
    ],
    *,
    fit: Annotated[
        Path,
        typer.Option(
            "--fit",
            metavar="FIT",
            help="Folder of a fit, or its name such as fits/panss.",
            show_default=False,
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Only this model of the fit; may be repeated. (default: all)",
            show_default=False,
        ),
    ] = None,
    allow_known: Annotated[
        bool,
        typer.Option(
            "--allow-known",
            help="Predict participants on whom the models were trained too, and mark them. (default off)",
        ),
    ] = False,
) -> int:
    """Predict ratings of participants whom the models of a fit have never seen.

    Their videos must have been extracted with the same weights and settings. Participants on whom the models
    were trained are left out and listed. The study of the fit is that of --study.
    """
    from emoclip_clinic.regression.fitting import find_fit, predict_study, write_predictions
    from emoclip_clinic.study.layout import Study

    folder = find_fit(fit, call.open_study())
    study = Study(new_study)
    call.log_into(study)
    predictions = predict_study(folder, study, models=model or None, allow_known=allow_known)
    path = write_predictions(predictions)
    table = predictions.table
    print_table(
        ("participant", "session", "item", "model", "prediction", "known"),
        [
            (
                row.participant_id,
                row.session_id,
                row.item,
                row.model,
                None if math.isnan(prediction) else f"{prediction:.2f}",
                "yes" if row.known else "no",
            )
            for row, prediction in zip(
                table.itertuples(index=False), table["prediction"].tolist(), strict=True
            )
        ],
    )
    n_sessions = len(table[["participant_id", "session_id"]].drop_duplicates())
    err.print(
        f"{counted(n_sessions, 'session')} of {counted(table['participant_id'].nunique(), 'participant')} "
        f"predicted by {', '.join(predictions.models)}.",
        soft_wrap=True,
    )
    for row in predictions.left_out.itertuples(index=False):
        session = row.session_id if isinstance(row.session_id, str) else ""
        err.print(f"  left out: {row.participant_id} {session} ({row.reason})", soft_wrap=True)
    err.print(f"Results: {path}", soft_wrap=True)
    err.print("Research use only: not for diagnosis, and not a measurement of symptoms.")
    return ALL_WELL
