"""Text of others in Markdown: what a report quotes, what a language model wrote of it, and where a link may lead.

A stranger's text is quoted letter by letter. A model's prose may emphasise and list, but it leads nowhere, shows
nothing from elsewhere, and has no heading above ours. Links are made here, to the http addresses of news.
"""

import re
from urllib.parse import urlsplit

from stockops.wording import visible

_SYNTAX = "\\`*_[]#|!~"
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\s?(?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,300}\])")
_REFERENCE = re.compile(r"^ {0,3}\[[^\[\]\n]{1,300}\]:.*$", re.MULTILINE)
_ADDRESS = re.compile(r"<?(?:[a-z][a-z\d+.-]{1,20}://|www\.)[^\s<>]{1,2000}>?", re.IGNORECASE)
_INSIDE = r"(?:[ \t>]|[-*+](?=\s)|\d{1,9}[.)](?=\s))"  # of quotations and lists, which hold blocks of their own
_HEADING = re.compile(rf"^({_INSIDE}*)#{{1,2}}(?=\s|$)", re.MULTILINE)
_RULE = re.compile(rf"^(?:{_INSIDE}|[-=*_])++$", re.MULTILINE)  # also makes a heading of the line before
_FENCE = re.compile(rf"^{_INSIDE}*(?:`{{3,}}|~{{3,}}).*$", re.MULTILINE)
_IN_ADDRESS = re.compile(r"[\w.~:/?#@!$&'*+,;=%-]+", re.ASCII)  # as RFC 3986 has it, without brackets and parentheses


def quoted(text: str) -> str:
    """Return a stranger's text as one line that Markdown does nothing with."""
    plain = " ".join(visible(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in _SYNTAX else letter for letter in plain)


def prose(text: str) -> str:
    """Return a model's prose: its emphasis and lists, headings from the third level, no link, image, code or HTML."""
    plain = _FENCE.sub("", _REFERENCE.sub("", visible(text)))
    plain = _ADDRESS.sub("", _LINK.sub(lambda link: link[1], plain))
    plain = _HEADING.sub(r"\1###", _RULE.sub("", plain))
    plain = plain.replace("<", "&lt;").replace("`", "'").replace("|", "\\|").replace("~", "\\~")
    return plain.replace("[", "\\[").replace("]", "\\]")


def link(name: str, address: str) -> str:
    """Return a name as a link, or alone where its address is none that may be followed."""
    return f"[{quoted(name)}]({address})" if is_address(address) else quoted(name)


def is_address(text: str) -> bool:
    """Tell whether a text is an http address of another site, written so that it can be nothing else."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = _IN_ADDRESS.fullmatch(text) is not None and "@" not in parts.netloc and port != 0
    return plain and parts.scheme in ("http", "https") and bool(host) and "." in (host or "")
