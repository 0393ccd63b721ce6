from dataclasses import replace

import pytest

from stockops.agent.claims import AllowedClaims, Grounding, check, drop_ungrounded
from tests.unit.agent import test_report as facts

KNOWN = AllowedClaims(
    numbers=(210.62, 0.8734, -1.63, 28.31, 5.28, 80.0, 3275.0),
    dates=frozenset({"2024-06-28", "2024-07-08"}),
    quoted="Apple to cut 4,000 jobs, says target is $300 and 12.5% growth by May 3, 2025",
)


@pytest.mark.parametrize(
    "text",
    [
        "The close was 210.62, up 0.87 %, or 0.9 percent.",
        "It fell 1.63% on the day.",  # the sign is in the verb
        "Volatility is 28.3 % a year; the 80 % range is 5.28% to either side.",
        "A level of 211 dollars.",  # rounded to whole dollars
        "Sessions to 2024-06-28 and to July 8, 2024, that is 8 July.",
        "Over 60 sessions and 1,234 windows, in 2023, the S&P 500 rose for 3 of 5 days.",  # counts and names
        "Reports speak of $300 and 12.5% by 3 May 2025.",  # quoted
        "¥3275 or 3,275 JPY.",
        "See https://example.com/2020/01/02/price-999.99 for more.",
        "Model llama-3.1, series GPT-4.5.",
        "The eighty percent range; two hundred eleven dollars; three hundred dollars as quoted.",
    ],
)
def test_claims_that_match_the_facts_are_grounded(text: str) -> None:
    assert check(text, KNOWN).unmatched == ()


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("A target of 250 seems fair.", "target of 250"),
        ("It may reach $250 soon.", "$250"),
        ("We see 222.22 next.", "222.22"),
        ("Up 7% from here.", "7%"),
        ("Up 7 percent from here.", "7 percent"),
        ("Between 210.62-250.01 it is quiet.", "250.01"),
        ("By 2024-07-09 it is over.", "2024-07-09"),
        ("By August 1 it is over.", "August 1"),
        ("On July 8, 2023 it was.", "July 8, 2023"),
        ("Worth 3,300 yen.", "Worth 3,300 yen"),
        ("The yield stands at 4.25.", "4.25"),
        ("Earnings of EUR 12 a share.", "EUR 12"),
        ("It may see two hundred eighty dollars.", "two hundred eighty dollars"),
        ("Up twelve percent.", "twelve percent"),
        ("Up one and a half percent.", "one and a half percent"),
        ("A cut of twenty-five basis points.", "twenty-five basis points"),
    ],
)
def test_a_claim_absent_from_the_facts_is_reported(text: str, claim: str) -> None:
    found = check(text, KNOWN)
    assert found.unmatched == (claim,)
    assert found.share < 1


WITH_PRICE = replace(KNOWN, price=210.62)


@pytest.mark.parametrize(
    "text",
    [
        "A rise to 240 is likely.",
        "Between 190 and 211 it is quiet.",
        "In the 240s by year end.",
        "It trades at 31x earnings.",
        "After a cut of 25 basis points.",
        "Resistance sits at 230.",
        "By 07/19/2024.",
    ],
)
def test_a_bare_number_near_the_price_is_taken_for_a_price(text: str) -> None:
    assert len(check(text, WITH_PRICE).unmatched) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Over 200 sessions, 250 trading days and 180-day windows.",
        "The Russell 200 and the top 150 held; at 211 it is fair.",
        "In 2024, 3,000 jobs went.",
        "On 07/08/2024 and on July 8th.",
    ],
)
def test_counts_names_and_years_are_not_taken_for_prices(text: str) -> None:
    assert check(text, WITH_PRICE).unmatched == ()


WITH_COUNTS = replace(KNOWN, price=1_000.0, counts=frozenset({543, 1_586}))


@pytest.mark.parametrize("text", ["It was tested on 543 past forecasts.", "On 1,586 held-out windows it did well."])
def test_a_count_from_the_facts_is_not_a_claim(text: str) -> None:
    assert check(text, WITH_COUNTS) == Grounding(0, ())
    assert check(text, replace(WITH_COUNTS, counts=frozenset())).unmatched != ()


@pytest.mark.parametrize("text", ["It may fall to 543.", "A price of 543 is fair.", "It was tested on 544 forecasts."])
def test_a_price_or_an_unknown_count_is_still_a_claim(text: str) -> None:
    assert check(text, WITH_COUNTS).claims == 1


def test_known_counts_are_of_windows_forecasts_closes_and_days() -> None:
    sample = facts.sample_facts(metrics=facts.metrics(0.1), backtest=facts.backtest())
    assert sample.known.counts == {982, 1_127, len(sample.closes), len(sample.days)}


def test_the_share_is_of_all_claims_and_one_without_any() -> None:
    assert check("Quiet.", KNOWN).share == 1
    found = check("From 210.62 it rises 9.99 % by 2024-07-08 to 999.99.", KNOWN)
    assert (found.claims, found.unmatched, found.share) == (4, ("9.99 %", "999.99"), 0.5)


def test_a_number_matches_to_its_written_precision() -> None:
    assert check("0.87 %", KNOWN).unmatched == ()
    assert check("0.88 %", KNOWN).unmatched == ("0.88 %",)
    assert check("0.873 %", KNOWN).unmatched == ()
    assert check("0.874 %", KNOWN).unmatched == ("0.874 %",)


def test_sentences_with_invented_numbers_are_dropped_and_the_others_kept() -> None:
    text = "It closed at 210.62. We expect $999! A calm week.\n\nUp 55 % by autumn.\n\nThat is all."
    assert drop_ungrounded(text, KNOWN) == ("It closed at 210.62. A calm week.\n\nThat is all.", 2)
