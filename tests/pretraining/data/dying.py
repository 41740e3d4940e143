"""A job that kills its process; in a module of its own, as each new process imports it."""

import os


def die_or_double(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), 9)
    return 2 * number
