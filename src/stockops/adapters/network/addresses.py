"""Addresses of services as people may see them: where a service is, and never who may use it.

An address with a raw `/`, `?`, `#` or space in its password has no one meaning, and what a library makes of it, or
says of it, may show a part of the password. So nothing is asked of an address that `is_plain` does not vouch for.
"""

import re

UNSHOWN = "its address (not shown: it does not parse)"
_ENCODE = "percent-encode what is special in its user and password: / as %2F, @ as %40, ? as %3F, # as %23"

# User and password end at the last @ before the path; an @ after that may belong to the password.
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z\d+.-]*)://(?:[^/?#\s\\]*@)?"
    r"(?P<place>(?:[\w.-]+|\[[\da-f:.]+\])(?::(?P<port>\d*))?)?(?P<path>/[^?#@\s]*)?(?:[?#][^@\s]*)?",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"//[^/?#\s]*@")
_QUERY = re.compile(r"(/[^\s?#]*)[?#]\S*")  # of an address or a path of one, which may hold a token


def is_plain(url: str) -> bool:
    """Tell whether an address can be read in one way only."""
    found = _ADDRESS.fullmatch(url.strip())
    return found is not None and bool(found["place"] or found["path"]) and int(found["port"] or 0) <= 65_535


def shown(url: str, *, scheme: bool = False) -> str:
    """Return HOST:PORT of an address, the path of a socket or a file, or a phrase where that is not certain.

    scheme: with what stands before it, as in http://HOST:PORT.
    """
    found = _ADDRESS.fullmatch(url.strip())
    if found is None or not is_plain(url):
        return UNSHOWN
    place = found["place"] or found["path"]
    return f"{found['scheme']}://{place}" if scheme else place


def cure(url: str, example: str) -> str:
    """Return what to do about an address that is none: write it like the example, or its password otherwise."""
    return _ENCODE if "@" in url and not is_plain(url) else f"write {example}"


def without_credentials(text: str) -> str:
    """Return a text that may quote plain addresses without their users, passwords and queries."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub("//", text))
