"""Keep the times of an AVI file right behind damage: the format stores no timestamps, only an index."""

from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["AviClock"]

_CHUNK_HEADER_BYTES = 8


class AviClock:
    """Correct packet times by the file's index.

    A reader of AVI counts packets. When it skips a damaged stretch, everything behind comes too early. The
    index, read when the file is opened, knows the number of every packet by its place in the file.

    Parameters
    ----------
    stream : VideoStream
        A stream of an AVI file that was just opened.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._entries = stream.index_entries
        self._n_entries = len(
            self._entries
        )  # grows while reading; later entries are counted, not stored in the file
        self._next = 0
        self._shift = 0

    def correct(self, packet: "Packet[VideoStream]") -> bool:
        """Move the times of a packet to where the index has them; leave them where it says nothing.

        Parameters
        ----------
        packet : Packet
            The next packet; changed in place.

        Returns
        -------
        bool
            Whether packets were skipped before this one.
        """
        if packet.pos is None or packet.dts is None:
            return False
        pos = packet.pos - _CHUNK_HEADER_BYTES
        while self._next < self._n_entries and self._entries[self._next].pos < pos:
            self._next += 1
        if self._next == self._n_entries or self._entries[self._next].pos != pos:
            return False
        shift = self._entries[self._next].timestamp - packet.dts
        if shift:
            packet.dts += shift
            if packet.pts is not None:
                packet.pts += shift
        skipped, self._shift = shift != self._shift, shift
        return skipped
