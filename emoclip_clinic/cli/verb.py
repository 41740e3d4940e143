"""What every verb shares: four options, logging, and how errors become messages and exit codes."""

import inspect
import logging
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.text import Text

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.help_texts import PlainCommand
from emoclip_clinic.errors import EmoClipClinicError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.logs import RunLog

__all__ = ["ALL_WELL", "INTERNAL_ERROR", "INTERRUPTED", "SOME_FAILED", "USAGE", "Call", "add_verb"]

ALL_WELL = 0
SOME_FAILED = 1
USAGE = 2
INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h: a fault of ours, not of the input
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

_ENDS = {ALL_WELL: "ended well", SOME_FAILED: "ended with failures", INTERRUPTED: "interrupted"}

LOG_LEVELS = ("debug", "info", "warning", "error")
SHARED_PANEL = "Options of every verb"

_log = logging.getLogger(__name__)


@dataclass
class SharedOptions:
    """The options that every verb takes after its name."""

    study: Annotated[
        Path,
        typer.Option(
            "--study",
            metavar="DIR",
            help="Folder of the study. (default: the working directory)",
            show_default=False,
            rich_help_panel=SHARED_PANEL,
        ),
    ] = Path(".")
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings in TOML; they win over the study's emoclip-clinic.toml, "
            "and options win over both. (default none)",
            show_default=False,
            rich_help_panel=SHARED_PANEL,
        ),
    ] = None
    log_level: Annotated[
        str,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help=f"Least severity of the log messages shown. ({', '.join(LOG_LEVELS)}; default warning)",
            show_default=False,
            rich_help_panel=SHARED_PANEL,
        ),
    ] = "warning"
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show where in the code an error arose.", rich_help_panel=SHARED_PANEL),
    ] = False


class Call:
    """One call of a verb: what its shared options say, and the study that it works on.

    Parameters
    ----------
    name : str
        Name of the verb.
    options : SharedOptions
        Values of the options that every verb takes.
    """

    def __init__(self, name: str, options: SharedOptions) -> None:
        self.name = name
        self.options = options
        self.log: RunLog | None = None
        self.resources = ExitStack()

    def check_options(self) -> None:
        """Check what every verb takes, also where the verb has no use for it."""
        from emoclip_clinic.study.settings_files import read_table_of

        self.open_study()
        if self.options.config is not None:
            read_table_of(self.options.config, "extract")

    def open_study(self) -> "Study":
        """Open the study of ``--study``, which must be a folder."""
        from emoclip_clinic.study.layout import Study

        return Study(self.options.study)

    def log_into(self, study: "Study") -> None:
        """Keep a log file of this run in the study until the verb ends.

        Called first by every verb that writes into the study, so that the log holds whatever goes wrong.
        """
        from emoclip_clinic.study.logs import run_log

        level = min(logging.INFO, logging.getLevelNamesMapping()[self.options.log_level.upper()])
        self.log = self.resources.enter_context(run_log(study, self.name, level=level))


def add_verb(
    app: typer.Typer,
    function: Callable[..., int],
    *,
    name: str | None = None,
    options: Sequence[inspect.Parameter] = (),
    panel: str | None = None,
) -> None:
    """Register a function as a verb, with the options that every verb takes.

    Parameters
    ----------
    app : typer.Typer
        The application, or a group of verbs.
    function : callable
        Takes a `Call` named ``call`` and its own parameters, and returns an exit code. Its docstring is the
        help.
    name : str, optional
        Name of the verb; by default the function's.
    options : sequence of inspect.Parameter
        Options made from a settings model; those that are given reach the function as the mapping
        ``overrides``.
    panel : str, optional
        Panel in the list of verbs.
    """
    verb_name = name or function.__name__
    own = [p for p in _annotated_parameters(function) if p.name not in ("call", "overrides")]
    shared = _annotated_parameters(SharedOptions)

    def command(**values: Any) -> None:
        call = Call(verb_name, SharedOptions(**{p.name: values.pop(p.name) for p in shared}))
        if options:
            given = {p.name: values.pop(p.name) for p in options}
            values["overrides"] = {key: value for key, value in given.items() if value is not None}
        raise typer.Exit(_exit_code(function, call, values))

    # Typer reads the options of a command from its signature.
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *options, *shared)]
    command.__dict__["__signature__"] = inspect.Signature(parameters)
    command.__doc__ = _reflowed(function.__doc__ or "")
    app.command(verb_name, cls=PlainCommand, rich_help_panel=panel)(command)


def _reflowed(docstring: str) -> str:
    """Join the lines of each paragraph, as help has a width of its own."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(docstring).split("\n\n"))


def _annotated_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [p.replace(annotation=hints[p.name]) for p in inspect.signature(function).parameters.values()]


def _exit_code(function: Callable[..., int], call: Call, values: dict[str, Any]) -> int:
    with call.resources:
        code, end = _outcome(function, call, values)
        if call.log is not None:
            call.log.end = f"{end} (exit code {code})"
    return code


def _outcome(function: Callable[..., int], call: Call, values: dict[str, Any]) -> tuple[int, str]:
    """Run a verb and tell its exit code, and in words how it ended."""
    try:
        with _logging_to_terminal(call.options.log_level), _termination_as_interrupt():
            call.check_options()
            code = function(call, **values)
    except EmoClipClinicError as error:
        _log_error(error, call)
        _show_error(error, call)
        return USAGE, f"ended by {type(error).__name__}"
    except KeyboardInterrupt:
        err.print("Interrupted. Finished work is kept; the same command goes on with the rest.")
        return INTERRUPTED, _ENDS[INTERRUPTED]
    except (typer.Exit, BrokenPipeError):  # Typer ends quietly when a reader such as `head` has left
        raise
    except Exception as error:
        _log_error(error, call)
        _show_internal_error(error, call)
        return INTERNAL_ERROR, f"ended by {type(error).__name__}"
    return code, _ENDS.get(code, "ended")


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Treat the signal by which a scheduler ends a job like Ctrl-C: keep what is done, and say so."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread may ask for signals
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _log_error(error: Exception, call: Call) -> None:
    if call.log is not None:  # else logging would print it, beside the message
        _log.error("'%s' ended with an error: %s", call.name, error, exc_info=error)


@contextmanager
def _logging_to_terminal(level: str) -> Iterator[None]:
    """Show log records of at least this level on the terminal; of other packages from warnings upwards."""
    if level not in LOG_LEVELS:
        raise SettingsError(
            "The log level must be one of " + ", ".join(LOG_LEVELS),
            found=level,
            where="--log-level",
            hint=did_you_mean(level, LOG_LEVELS),
        )
    handler = _TerminalHandler(level.upper())
    root, ours = logging.getLogger(), logging.getLogger("emoclip_clinic")
    level_before = ours.level
    root.addHandler(handler)
    ours.setLevel(min(logging.INFO, handler.level))  # the log file of a run keeps what the terminal hides
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        ours.setLevel(level_before)
        root.removeHandler(handler)


class _TerminalHandler(logging.Handler):
    """Writes through the console of a running progress display, which a plain stream would tear apart."""

    def emit(self, record: logging.LogRecord) -> None:
        style = (
            "red"
            if record.levelno >= logging.ERROR
            else "yellow"
            if record.levelno >= logging.WARNING
            else "dim"
        )
        err.print(
            Text(f"{record.levelname.lower()}: ", style=style) + Text(record.getMessage()), soft_wrap=True
        )


def _show_error(error: EmoClipClinicError, call: Call) -> None:
    _show_traceback_if_asked(error, call)
    _say(error.rule, {"found": "\n".join(error.found_lines), "where": error.where, "next": error.hint})


def _show_internal_error(error: Exception, call: Call) -> None:
    _show_traceback_if_asked(error, call)
    log_file = None if call.log is None else call.log.path
    next_step = (
        "Please report it with this log file; it holds no image, but identifiers and paths of your study."
        if log_file is not None
        else "Please report it with what the same command prints with --debug."
    )
    _say(
        "This is a fault of emoclip-clinic, not of your data",
        {"found": f"{type(error).__name__}: {error}", "log": log_file, "next": next_step},
    )


def _show_traceback_if_asked(error: Exception, call: Call) -> None:
    if call.options.debug:
        err.print("".join(traceback.format_exception(error)), soft_wrap=True)


def _say(sentence: str, details: Mapping[str, object]) -> None:
    ending = "" if sentence.endswith((".", "!", "?")) else "."
    err.print(Text("Error: ", style="bold red") + Text(sentence + ending), soft_wrap=True)
    for label, detail in details.items():
        for number, line in enumerate(str(detail).splitlines() if detail else ()):
            lead = f"{label}:" if number == 0 else ""
            err.print(Text(f"  {lead:<7}", style="dim") + Text(line), soft_wrap=True)
