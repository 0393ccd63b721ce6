"""Text from outside made fit for a terminal and a line: no control characters, and no longer than a reader wants."""

import unicodedata


def visible(text: str) -> str:
    """Return a text without what a terminal would obey: controls, and marks that turn text round; lines stay."""
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf"))


def well_formed(text: str) -> str:
    """Return a text that can be encoded: half a surrogate pair, of JSON or a command line, becomes a question mark."""
    return text.encode(errors="replace").decode()


def one_line(text: object, most: int = 200) -> str:
    """Return what a server or a library says in one line of at most so many characters."""
    line = " ".join(visible(str(text)[: 20 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
