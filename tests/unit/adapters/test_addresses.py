import pytest

from stockops.adapters.network.addresses import UNSHOWN, cure, is_plain, shown, without_credentials


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h:6379/0", "h:6379"),
        ("redis://:sesame@h:6379/0", "h:6379"),
        ("http://anna:ses%2Fame@127.0.0.1:9091/path?x=1", "127.0.0.1:9091"),
        ("http://anna:ses@me:too@h:9091", "h:9091"),  # before the path, the last @ ends the password
        ("http://[::1]:6333", "[::1]:6333"),
        ("unix://anna:sesame@/run/redis.sock?db=1", "/run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, address: str) -> None:
    assert is_plain(url)
    assert shown(url) == address
    assert shown(url, scheme=True) == f"{url.partition(':')[0]}://{address}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p/a@ss:w@host:6379/0",
        "http://user:se/cret@host:9091",
        "http://user:se?cret@host:9091",
        "http://user:se#cret@host:9091",
        "http://user:se cret@host:9091",
        "http://user:se\\cret@host:9091",
        "http://1234/56@host:80",
        "redis://:sesame",
        "user:sesame@host:80",
        "http://host:port",
        "http://host:99999",
        "http://",
        "",
    ],
)
def test_nothing_of_an_ambiguous_url_is_shown(url: str) -> None:
    assert not is_plain(url)
    assert shown(url) == shown(url, scheme=True) == UNSHOWN


def test_the_cure_suggests_percent_encoding_only_for_a_malformed_password() -> None:
    assert "percent-encode" in cure("http://u:p/w@h", "http://HOST:PORT")
    assert cure("redis://anna:sesame@h", "http://HOST:PORT") == "write http://HOST:PORT"
    assert cure("nonsense", "http://HOST:PORT") == "write http://HOST:PORT"


def test_credentials_are_removed_from_addresses_in_text() -> None:
    text = "no route to http://anna:ses@me@h:1/x and redis://:p@h"
    assert without_credentials(text) == "no route to http://h:1/x and redis://h"
