"""The exception for a file that can't be judged."""


class BadInput(Exception):
    """A file can't be judged; the text says why, without the file's name."""
