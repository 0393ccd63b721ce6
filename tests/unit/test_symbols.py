import pytest

from stockops.errors import UsageError
from stockops.market.symbols import parse


@pytest.mark.parametrize("text", ["AAPL", "^GSPC", "BRK-B", "7203.T", "RELIANCE.NS", "M&M.NS", "EURUSD=X", "ES=F", "F"])
def test_symbols_as_yahoo_writes_them_are_taken(text: str) -> None:
    assert parse(text) == text


def test_a_symbol_is_upper_cased_and_stripped() -> None:
    assert parse(" brk-b\n") == "BRK-B"


@pytest.mark.parametrize(
    "text",
    ["", " ", "../x", "A/B", "A\\B", "..", ".T", "T.", "A..B", "A.-B", "-A", "A B", "A\0", "A\nB", "ÄÖ", "A:B",
     "A" * 17, "^", "^^GSPC", "A;rm", "$(x)", "A%2f", "*"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a ticker symbol"):
        parse(text)
