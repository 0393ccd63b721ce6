"""Service addresses made safe to display: where a service is, never its credentials.

An address with a raw `/`, `?`, `#` or space in its password is ambiguous, and what a library makes of it, or logs
about it, may reveal part of the password. So no connection is made to an address that fails `is_plain`.
"""

import re

UNSHOWN = "its address (not shown: it does not parse)"
_ENCODE = "percent-encode what is special in its user and password: / as %2F, @ as %40, ? as %3F, # as %23"

# User and password end at the last @ before the path; a later @ may belong to the password.
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z\d+.-]*)://(?:[^/?#\s\\]*@)?"
    r"(?P<place>(?:[\w.-]+|\[[\da-f:.]+\])(?::(?P<port>\d*))?)?(?P<path>/[^?#@\s]*)?(?:[?#][^@\s]*)?",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"//[^/?#\s]*@")
_QUERY = re.compile(r"(/[^\s?#]*)[?#]\S*")  # of an address or its path; may hold a token


def is_plain(url: str) -> bool:
    """Return whether an address is unambiguous."""
    found = _ADDRESS.fullmatch(url.strip())
    return found is not None and bool(found["place"] or found["path"]) and int(found["port"] or 0) <= 65_535


def shown(url: str, *, scheme: bool = False) -> str:
    """Return HOST:PORT of an address, the path of a socket or file, or UNSHOWN if the address is ambiguous.

    scheme: include the scheme, as in http://HOST:PORT.
    """
    found = _ADDRESS.fullmatch(url.strip())
    if found is None or not is_plain(url):
        return UNSHOWN
    place = found["place"] or found["path"]
    return f"{found['scheme']}://{place}" if scheme else place


def cure(url: str, example: str) -> str:
    """Return the hint for an invalid address: percent-encode its credentials, or follow the example."""
    return _ENCODE if "@" in url and not is_plain(url) else f"write {example}"


def without_credentials(text: str) -> str:
    """Return a text with users, passwords and queries removed from any plain addresses it quotes."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub("//", text))
