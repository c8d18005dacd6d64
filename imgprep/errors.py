"""The one tree of errors; each class carries the exit code of the command line.

Every message is one line of what is wrong, where, and what to do about it.
"""


class ImgprepError(Exception):
    """Whatever imgprep refuses or cannot do."""

    exit_code = 1


class RequestError(ImgprepError):
    """The request is wrong: command line, spec, or a table the spec names. Nothing was written."""

    exit_code = 2


class SourceError(ImgprepError):
    """The source as a whole is refused: a corrupt or hostile container."""

    exit_code = 4


class ResourceError(ImgprepError):
    """The surroundings failed: disk full, no permission, another run holds the output."""

    exit_code = 5


class ImageError(ImgprepError):
    """One image cannot be used. The run goes on; the image is quarantined with this one-line reason."""


class TransientError(ImageError):
    """One image cannot be had now, but perhaps the next time: nothing that was made without it is kept as finished.

    Its server does not answer, or there is no memory left for it.
    """


def one_line(text: object, limit: int = 300) -> str:
    r"""Makes any text safe to print as one line: control characters are escaped, long text is cut.

    >>> one_line("a\nb")
    'a\\nb'
    """
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
