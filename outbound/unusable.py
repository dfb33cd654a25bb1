"""The error for a file that is not the media it should be."""


class NotMedia(Exception):  # noqa: N818 - names the fact
    """The file cannot be used; ``reason`` says what its bytes really are."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file is {reason}")
        self.reason = reason
