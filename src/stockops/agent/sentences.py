"""The sentences that rules can write: each states one fact, or defines a term used by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stockops.agent.facts import BacktestFacts, Facts
from stockops.market.exchanges import quoted, written

Topic = Literal[
    "range", "risk", "record", "drift", "moves", "standing", "market", "beta", "volume", "definition", "writer"
]

MARKET_NAME = "S&P 500"
_SESSIONS = {1: "the last session", 5: "5 sessions", 21: "21 sessions", 63: "63 sessions", 252: "252 sessions"}
_HEATED, _COLD = 70.0, 30.0  # RSI levels, after Wilder
_MUCH, _LITTLE = 1.5, 0.6  # of the usual volume
_COMPARED = (5, 252)  # sessions
_APART = 5.0  # percentage points between a price and the market over five sessions
_FINDINGS = {"tied": "ties with", "better": "is better than", "worse": "is worse than"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, its topic, and whether its value is notable."""

    text: str
    topic: Topic
    notable: bool = False


def outlook(facts: Facts) -> Iterator[Sentence]:
    """Yield the forecast, its range, and whether the change is large beside that range."""
    last = facts.days[-1]
    yield Sentence(
        f"From a last close of {quoted(facts.last_price, facts.unit)} the model sees {facts.ticker} at "
        f"{written(last.close)} on {last.date}, {facts.outlook_percent:+.2f} %.",
        "range",
    )
    yield _range(facts)
    size, direction = ("large", "a direction") if facts.sees_direction else ("small", "no direction")
    yield Sentence(f"The change is {size} beside that range: the forecast sees {direction}.", "range")


def ranges(facts: Facts) -> Iterator[Sentence]:
    """Yield the 80 % range of the last day, and its definition."""
    yield _range(facts)
    yield Sentence("One week in five ends outside such a range, if it holds what it promises.", "definition")


def _range(facts: Facts) -> Sentence:
    last = facts.days[-1]
    return Sentence(f"The 80 % range of {last.date} is {spanned(last.close_80, last.percent_80)}.", "range")


def risks(facts: Facts) -> Iterator[Sentence]:
    """Yield the 95 % range, value at risk, expected shortfall and volatility."""
    last = facts.days[-1]
    outside = f"One week in twenty ends outside {spanned(last.close_95, last.percent_95)}"
    yield Sentence(f"{outside}, if the 95 % range holds what it promises.", "risk")
    day, week = facts.losses
    yield Sentence(
        f"One day in twenty is reckoned to lose more than {day.var_95_percent:.1f} %, {day.es_95_percent:.1f} % on "
        f"average then, and one in a hundred more than {day.var_99_percent:.1f} %.",
        "risk",
    )
    yield Sentence(
        f"Of weeks, one in twenty more than {week.var_95_percent:.1f} %, {week.es_95_percent:.1f} % on average then, "
        f"and one in a hundred more than {week.var_99_percent:.1f} %.",
        "risk",
    )
    yield Sentence(f"The model expects a volatility of {facts.expected_volatility_percent:.1f} % a year.", "risk")
    if facts.volatility_percent is not None:
        count = len(facts.closes)
        yield Sentence(
            f"Its daily moves of the last {count} closes make a volatility of {facts.volatility_percent:.1f} % a year.",
            "risk",
        )


def standing(facts: Facts) -> Iterator[Sentence]:
    """Yield where the price stands against its own past and the market, notable sentences first."""
    if facts.context is None:
        yield Sentence(_nothing_known(facts), "standing")
        return
    found = [*_moves(facts), *_place(facts), *_averages(facts), *_rsi(facts), *volume(facts)]
    found += market(facts)
    yield from sorted(found, key=lambda sentence: not sentence.notable)


def market(facts: Facts) -> Iterator[Sentence]:
    """Yield the ticker's moves beside the market's, its beta and correlation."""
    context = facts.context
    if context is None:
        return
    if any(span in context.market_percent for span in _COMPARED):
        own, index = context.returns_percent, context.market_percent
        spans = [span for span in _COMPARED if span in index]
        moved, market_moved = (" and ".join(f"{by[span]:+.2f} %" for span in spans) for by in (own, index))
        over = " and ".join(str(span) for span in spans)
        yield Sentence(
            f"Over {over} sessions it moved {moved}, the {MARKET_NAME} {market_moved} on the same days.",
            "market",
            5 in index and abs(own[5] - index[5]) > _APART,
        )
    if context.beta is not None and context.correlation is not None:
        yield Sentence(
            f"Its daily returns have a beta of {context.beta:.2f} to the {MARKET_NAME} and a correlation of "
            f"{context.correlation:.2f}, over {context.common} sessions.",
            "beta",
        )


def volume(facts: Facts) -> Iterator[Sentence]:
    """Yield how the last volume compares with the median of the year before."""
    ratio = facts.context.volume_ratio if facts.context else None
    if ratio:
        notable = ratio > _MUCH or ratio < _LITTLE
        usual = "the median of the 252 sessions before"
        yield Sentence(f"Volume in the last session was {ratio:.2f} times {usual}.", "volume", notable)


def record(facts: Facts) -> Iterator[Sentence]:
    """Yield what the last backtest found for Close, one day and five days ahead."""
    if facts.backtest is None:
        return
    found = facts.backtest
    yield Sentence(f"In the backtest of {found.start} to {found.end} the {of_close(found)}.", "record")
    yield Sentence(f"There {inside_ranges(found)}.", "record")


def drift(facts: Facts) -> Iterator[Sentence]:
    """Yield what the last drift check found for returns."""
    returns = facts.drift.returns if facts.drift else None
    if returns:
        health, ratio = returns.health.split()[0].lower(), returns.volatility.ratio
        yield Sentence(
            f"Returns of the last 30 days against the 150 days before were judged {health}, with a volatility ratio of "
            f"{ratio:.2f}.",
            "drift",
        )


def spanned(bounds: tuple[float, float], percents: tuple[float, float]) -> str:
    """Return a range in prices, and in percent from the last close."""
    low, high = (written(bound) for bound in bounds)
    down, up = (f"{percent:+.1f} %" for percent in percents)
    return f"{low} to {high}: {down} to {up}"


def against(tested: BacktestFacts, channel: str) -> str:
    """Return a channel's errors against its best naive forecast, at every known horizon."""
    found = tested.skill_percent.get(channel, {})
    ahead = {days: "1 day" if days == "1" else f"{days} days" for days in found}
    return ", ".join(f"an error {size(skill)} {ahead[days]} ahead" for days, skill in found.items())


def of_close(tested: BacktestFacts) -> str:
    """Return what a backtest found for Close; a difference that may be chance is a tie."""
    return f"forecast of Close {_FINDINGS[tested.finding]} 'tomorrow = today': {against(tested, 'Close')}"


def inside_ranges(tested: BacktestFacts) -> str:
    """Return the share of closes that a backtest found inside each range."""
    shares = tested.coverage_percent.items()
    return " and ".join(f"{share:.1f} % of closes were inside their {level} % range" for level, share in shares)


def size(skill: float) -> str:
    """Return how much smaller or larger an error is than another, from the skill in percent."""
    return f"{abs(skill):.1f} % {'smaller' if skill >= 0 else 'larger'}"


def _nothing_known(facts: Facts) -> str:
    if not facts.returns_percent and len(facts.closes) > 1:
        return "Nobody has traded it lately, so its last closes say nothing of how it moves."
    return "Nothing is known of how it moved before."


def _moves(facts: Facts) -> Iterator[Sentence]:
    returns = facts.context.returns_percent if facts.context else {}
    if returns:
        moved = ", ".join(f"{change:+.2f} % over {_SESSIONS[span]}" for span, change in returns.items())
        yield Sentence(f"{facts.ticker} moved {moved}.", "moves")


def _place(facts: Facts) -> Iterator[Sentence]:
    context, last = facts.context, facts.last_price
    if context is None or context.high is None or context.low is None:
        return
    high, low = context.high, context.low
    if last >= high:
        yield Sentence("The last close is the highest of 252 sessions.", "standing", notable=True)
    elif last <= low:
        yield Sentence("The last close is the lowest of 252 sessions.", "standing", notable=True)
    else:
        below, above = 100 * (last / high - 1), 100 * (last / low - 1)
        yield Sentence(
            f"The last close is {-below:.1f} % below the highest of 252 sessions, {written(high)}, and {above:.1f} % "
            f"above the lowest, {written(low)}.",
            "standing",
        )


def _averages(facts: Facts) -> Iterator[Sentence]:
    averages = facts.context.averages if facts.context else {}
    parts = [
        f"{abs(apart):.1f} % {'above' if apart >= 0 else 'below'} the average of {count} sessions, {written(average)}"
        for count, average in averages.items()
        for apart in [100 * (facts.last_price / average - 1)]
    ]
    if parts:
        yield Sentence(f"It stands {' and '.join(parts)}.", "standing")


def _rsi(facts: Facts) -> Iterator[Sentence]:
    value = facts.context.rsi if facts.context else None
    if value is not None:
        called = " (above 70, called overbought)" if value > _HEATED else " (below 30, called oversold)"
        notable = not _COLD <= value <= _HEATED
        yield Sentence(f"RSI over 14 sessions is {value:.1f}{called if notable else ''}.", "standing", notable)
