"""Remember the last success of a slow check, so that it isn't repeated while nothing has changed."""

from . import paths


def is_known(check, subject, digest):
    """Tell whether the last success of a check was with the same input.

    :param str check: name of the check, which is the name of its folder in the home folder
    :param str subject: what is checked
    :param str digest: digest of everything that influences the check
    :rtype: bool
    """
    memory = paths.folder(check) / subject
    return memory.exists() and memory.read_text() == digest


def remember(check, subject, digest):
    """Remember a success; see :func:`is_known`."""
    (paths.folder(check) / subject).write_text(digest)
