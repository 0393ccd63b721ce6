"""Makes untrusted text safe in Markdown: quotations, a language model's prose, and link addresses.

Third-party text is escaped completely. A model's prose may contain emphasis and lists, but no links, no images, and no
heading above the report's own. Links are created here only, to the http addresses of news items.
"""

import re
from urllib.parse import urlsplit

from stockops.wording import visible

_SYNTAX = "\\`*_[]#|!~"
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\s?(?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,300}\])")
_REFERENCE = re.compile(r"^ {0,3}\[[^\[\]\n]{1,300}\]:.*$", re.MULTILINE)
_ADDRESS = re.compile(r"<?(?:[a-z][a-z\d+.-]{1,20}://|www\.)[^\s<>]{1,2000}>?", re.IGNORECASE)
_INSIDE = r"(?:[ \t>]|[-*+](?=\s)|\d{1,9}[.)](?=\s))"  # of block quotes and lists, which contain blocks themselves
_HEADING = re.compile(rf"^({_INSIDE}*)#{{1,2}}(?=\s|$)", re.MULTILINE)
_RULE = re.compile(rf"^(?:{_INSIDE}|[-=*_])++$", re.MULTILINE)  # would also turn the line before into a heading
_FENCE = re.compile(rf"^{_INSIDE}*(?:`{{3,}}|~{{3,}}).*$", re.MULTILINE)
_IN_ADDRESS = re.compile(r"[\w.~:/?#@!$&'*+,;=%-]+", re.ASCII)  # RFC 3986 without brackets and parentheses


def quoted(text: str) -> str:
    """Return third-party text as one line of literal Markdown."""
    plain = " ".join(visible(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in _SYNTAX else letter for letter in plain)


def prose(text: str) -> str:
    """Return a model's prose with emphasis, lists and headings from level 3, without links, images, code or HTML."""
    plain = _FENCE.sub("", _REFERENCE.sub("", visible(text)))
    plain = _ADDRESS.sub("", _LINK.sub(lambda link: link[1], plain))
    plain = _HEADING.sub(r"\1###", _RULE.sub("", plain))
    plain = plain.replace("<", "&lt;").replace("`", "'").replace("|", "\\|").replace("~", "\\~")
    return plain.replace("[", "\\[").replace("]", "\\]")


def link(name: str, address: str) -> str:
    """Return a name as a link, or the name alone if its address is not safe to follow."""
    return f"[{quoted(name)}]({address})" if is_address(address) else quoted(name)


def is_address(text: str) -> bool:
    """Return whether a text is unambiguously an http or https address with a dotted host name."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = _IN_ADDRESS.fullmatch(text) is not None and "@" not in parts.netloc and port != 0
    return plain and parts.scheme in ("http", "https") and bool(host) and "." in (host or "")
