"""What a run of extraction tells while it works; every method does nothing until a display overrides it."""

__all__ = ["ExtractionProgress"]


class ExtractionProgress:
    """Listener to a run of extraction. A display (terminal bar, plain lines, notebook) subclasses it.

    Calls come from one thread, in this order: ``start``, then for each recording ``recording_started``,
    ``stage`` any number of times and ``recording_finished``, and ``finish`` at the end, also after an error
    or an interrupt. ``message`` may come at any time in between.
    """

    def start(self, n_recordings: int, total_video_s: float) -> None:
        """Begin a run.

        Parameters
        ----------
        n_recordings : int
            Recordings that will be worked on; those that are up to date do not count.
        total_video_s : float
            Sum of their durations in seconds, as far as headers tell.
        """

    def added(self, n_recordings: int, video_s: float) -> None:
        """Take more work into account than ``start`` told of, because a result turned out to be damaged.

        Parameters
        ----------
        n_recordings : int
            Further recordings.
        video_s : float
            Sum of their durations in seconds.
        """

    def recording_started(self, key: str, duration_s: float | None, position: int) -> None:
        """Begin one recording.

        Parameters
        ----------
        key : str
            Unique name of the recording, such as ``sub-01_ses-1``.
        duration_s : float or None
            Its duration in seconds; None where the header does not tell.
        position : int
            Number of the recording within the run, from 1.
        """

    def stage(self, key: str, stage_name: str, done: float, video_s_done: float) -> None:
        """Tell how far a stage of a recording is.

        Parameters
        ----------
        key : str
            Unique name of the recording.
        stage_name : str
            Such as ``faces``, ``encode`` or ``segments``.
        done : float
            Share of the stage that is done, 0 to 1.
        video_s_done : float
            Seconds of the recording that the whole work has completed so far, from 0 to its duration. It
            counts all stages together, so it never falls back when a new stage begins.
        """

    def recording_finished(
        self, key: str, status: str, reason: str | None, seconds: float, video_s: float
    ) -> None:
        """End one recording.

        Parameters
        ----------
        key : str
            Unique name of the recording.
        status : str
            ``ok``, ``no-face`` or ``failed``.
        reason : str or None
            Why it is not ok.
        seconds : float
            Seconds of computing that it took.
        video_s : float
            Seconds of video that it covered.
        """

    def message(self, text: str) -> None:
        """Tell something that the user should read during the run, as one line of plain text."""

    def finish(self) -> None:
        """End the run and release the display."""
