"""What makes a command end with a message instead of a traceback."""


class CommandFailed(Exception):  # noqa: N818 - it is no error of the program
    """The command can't go on: `message` says what is wrong and what would be right, `exit_code` is the process's."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
