"""What can go wrong in a way that a caller treats differently.

PtywrapError
└── UserError      two lines for the person at the keyboard: what, then what to do
"""


class PtywrapError(Exception):
    """Any failure of ours that is told rather than dropped."""


class UserError(PtywrapError):
    """A failure the user can act on: `message` says what, `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
