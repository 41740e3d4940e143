"""Keep the process's memory independent of how long a recording is, on Linux."""

import ctypes
import sys

__all__ = ["return_large_blocks"]

_M_MMAP_THRESHOLD = -3  # malloc.h
_THRESHOLD_BYTES = 4 * 1024 * 1024


def return_large_blocks() -> None:
    """Have glibc give blocks of 4 MiB and more back to the system as soon as they are freed.

    By default glibc moves this threshold up to 32 MiB as such blocks are freed, and keeps PyTorch's
    activations on the heap. Its aligned allocation (before glibc 2.38) then often cannot use a freed block
    of the same size again, and every batch of crops costs some 40 MB for good: 1.4 GB became 1.8 GB within
    40 s of video. Pictures of ordinary size stay below the threshold, where the heap is faster. Other
    systems and C libraries are left alone.

    References
    ----------
    mallopt(3); sourceware.org bug 14581.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
