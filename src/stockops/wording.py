"""Make foreign text safe and short enough for a line on a terminal: no control sequences, bounded length.

For Markdown, see agent/markdown.py.
"""

import unicodedata


def visible(text: str) -> str:
    """Return a text without invisible characters that a terminal might interpret; newlines and tabs stay.

    Drops Unicode category C: controls (and so the start of any escape sequence), formats (which reverse text), private
    and unassigned characters. Lone surrogates are escaped; Unicode line and paragraph separators become newlines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Cs":  # show, not drop, a byte of a file name that the locale cannot decode
        return letter.encode("ascii", "backslashreplace").decode()
    return "" if category.startswith("C") and letter not in "\n\t" else letter


def well_formed(text: str) -> str:
    """Return a text that can be encoded: a lone surrogate, from JSON or a command line, becomes a question mark."""
    return text.encode(errors="replace").decode()


def one_line(text: object, most: int = 200) -> str:
    """Return text from a server or a library as one line of at most `most` characters."""
    line = " ".join(visible(str(text)[: 20 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
