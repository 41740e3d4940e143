"""The family of errors that the package raises on bad input, and how their messages are composed.

A message has up to four parts: the rule, what was found, where, and what to do next. The command line prints
it without a traceback.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "AgreementError",
    "EmoClipClinicError",
    "EncoderError",
    "FaceError",
    "FormatError",
    "PretrainingError",
    "RatingsError",
    "RegressionError",
    "ReportError",
    "ScaleError",
    "SettingsError",
    "StudyError",
    "VideoError",
    "WeightsError",
    "ZeroShotError",
    "did_you_mean",
    "suggestions",
]


class EmoClipClinicError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    rule : str
        What must hold, as a sentence.
    found : object, optional
        The offending value, shown with ``repr`` unless it is a string; or a list of strings, each of which
        gets a line of its own.
    where : str or Path, optional
        File, row, column or recording.
    hint : str, optional
        What the user can do next, as a sentence.
    """

    def __init__(
        self, rule: str, *, found: object = None, where: str | Path | None = None, hint: str | None = None
    ) -> None:
        self.rule = rule
        self.found = found
        self.where = where
        self.hint = hint
        super().__init__(self._message())

    @property
    def found_lines(self) -> tuple[str, ...]:
        """What was found, line by line; empty if nothing was said."""
        if self.found is None:
            return ()
        if isinstance(self.found, str):
            return tuple(line.strip() for line in self.found.strip().splitlines())
        if isinstance(self.found, list):
            return tuple(str(one) for one in self.found)
        return (repr(self.found),)

    @property
    def statement(self) -> str:
        """The message without what to do next."""
        text = _sentence(self.rule)
        lines = self.found_lines
        if len(lines) == 1:
            text += f" Found: {_sentence(lines[0])}"
        elif lines:
            text += "".join(["\nFound:", *(f"\n  {line}" for line in lines)])
        return text if self.where is None else f"{self.where}: {text}"

    def _message(self) -> str:
        separator = "\n" if len(self.found_lines) > 1 else " "
        return f"{self.statement}{separator}{self.hint}" if self.hint else self.statement


class StudyError(EmoClipClinicError):
    """The study folder, its recordings table or its identifiers are not usable."""


class SettingsError(EmoClipClinicError):
    """A setting has an unknown name or a value that is not allowed."""


class FormatError(EmoClipClinicError):
    """A file of ours is damaged or has a version that this release does not read."""


class VideoError(EmoClipClinicError):
    """A video cannot be opened or decoded."""


class FaceError(EmoClipClinicError):
    """A face detector, a track or a subject rule is not usable."""


class EncoderError(EmoClipClinicError):
    """What was given to the encoder has a shape, type or value that it cannot take."""


class WeightsError(EmoClipClinicError):
    """Model weights are absent, altered, or do not fit the architecture."""


class ScaleError(EmoClipClinicError):
    """The definition of a rating scale is not valid."""


class RatingsError(EmoClipClinicError):
    """A ratings file holds values that its scale does not allow."""


class RegressionError(EmoClipClinicError, ValueError):
    """The data do not allow the regression that was asked for.

    Also a ``ValueError``, which is what scikit-learn expects of an estimator.
    """


class AgreementError(EmoClipClinicError):
    """The arrays or options given to an agreement statistic cannot be meant."""


class PretrainingError(EmoClipClinicError):
    """A recipe, a manifest or clips cannot be trained on."""


class ReportError(EmoClipClinicError):
    """There is nothing to report on, or it cannot be written."""


class ZeroShotError(EmoClipClinicError):
    """Class descriptions, or what is to be compared with them, are not usable."""


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """Compose the sentence that offers the closest option, or all of them if none is close."""
    known = sorted(options)
    close = get_close_matches(value.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    if close:
        match = next(k for k in known if k.lower() == close[0])
        return f"Did you mean '{match}'?"
    return f"Choose one of: {', '.join(known)}." if known else ""


def suggestions(values: Sequence[str], options: Iterable[str]) -> str:
    """Compose the sentences that offer an option for each of several values; a list is given once."""
    if len(values) == 1:
        return did_you_mean(values[0], options)
    known = list(options)
    said = {value: did_you_mean(value, known) for value in dict.fromkeys(values)}
    close = [f"For '{value}', d{text[1:]}" for value, text in said.items() if text.endswith("?")]
    others = dict.fromkeys(text for text in said.values() if text and not text.endswith("?"))
    return " ".join([*close, *others])


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
