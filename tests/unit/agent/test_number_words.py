import pytest

from stockops.agent.number_words import find


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("It may see two hundred eighty dollars.", "two hundred eighty dollars", "280"),
        ("Twelve percent of it.", "Twelve percent", "12"),
        ("Up one and a half percent.", "one and a half percent", "1.5"),
        ("A cut of twenty-five basis points.", "twenty-five basis points", "25"),
        ("Off half a percent.", "half a percent", "0.5"),
        ("Up one point two five percent.", "one point two five percent", "1.25"),
        ("At two thousand one hundred and five yen.", "two thousand one hundred and five yen", "2105"),
        ("A hundred dollars.", "A hundred dollars", "100"),
        ("A two-percent rise.", "two-percent", "2"),
        ("At thirty times earnings.", "thirty times earnings", "30"),
        ("Between ten and twelve percent.", "twelve percent", "12"),
    ],
)
def test_a_number_with_a_unit_is_found(text: str, written: str, number: str) -> None:
    [found] = find(text)
    assert (found.text, found.number) == (written, number)
    assert text[found.start :].startswith(written)


@pytest.mark.parametrize(
    "text",
    [
        "One of three windows, thirty days, a fifty-two week high.",
        "It tested the level three times.",
        "Some percent, behalf percent, nine tenths of a percent.",
        "Someone dollars.",
    ],
)
def test_words_that_are_not_a_number_with_a_unit_are_ignored(text: str) -> None:
    assert list(find(text)) == []
