"""What can't be done, by a code that programs know and a text that people read. Must not know who raises it."""


class Coded(Exception):
    """Something can't be done: `code` says why, `text` where or what to do instead. Neither names a person."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
