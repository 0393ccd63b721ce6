"""Text of others made fit for a terminal and a line: nothing that a terminal obeys, no longer than a reader wants.

For Markdown, see agent/markdown.py.
"""

import unicodedata


def visible(text: str) -> str:
    """Return a text without what cannot be seen and a terminal might obey; lines stay.

    All of Unicode's category C: controls (and with them every escape sequence's beginning), formats (which turn text
    round), halves of surrogate pairs, private and unassigned letters. Its own line separators become line ends.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Cs":  # a byte of a file's name that the locale has no letter for is told, not lost
        return letter.encode("ascii", "backslashreplace").decode()
    return "" if category.startswith("C") and letter not in "\n\t" else letter


def well_formed(text: str) -> str:
    """Return a text that can be encoded: half a surrogate pair, of JSON or a command line, becomes a question mark."""
    return text.encode(errors="replace").decode()


def one_line(text: object, most: int = 200) -> str:
    """Return what a server or a library says in one line of at most so many characters."""
    line = " ".join(visible(str(text)[: 20 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
