"""The base class of every error that a user can mend."""

from __future__ import annotations


class LatentpadError(Exception):
    """An error in one line: what is wrong, where, and what to do.

    A command that ends with one prints its line and exits with status 1. Every other exception is a
    fault of the program: its traceback goes to a log.
    """
