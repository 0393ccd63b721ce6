"""Untrusted text, on a terminal and in Markdown: nothing in it is active, and it is processed in linear time."""

import json
import os
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stockops.agent import answer, claims, markdown
from stockops.agent.claims import AllowedClaims
from stockops.agent.news import plain
from stockops.market.symbol_lists import listed
from stockops.wording import one_line, visible

# Sequences that a terminal, a browser or Markdown would act on, to be mixed into arbitrary text.
ACTIVE = [
    "\x1b[31m", "\x1b]8;;http://evil.test\x07", "\x9b2J", "\x07", "\r", "\b", "\u202e", "\u2066", "\u200b", "\ufeff",
    "\ue000", "\ud800", "\u2028", "\U000e0041", "[x](javascript:alert(1))", "![x](//evil.test/p.png)", "[x][r]",
    "\n[r]: http://evil.test\n", "<script>", "<img src=x>", "`", "```\n", "\n# H\n", "\nH\n===\n", "\n---\n", "|a|",
    "http://evil.test", "www.evil.test", "<http://evil.test>", "[[", "](", ")](http://evil.test)", "&#91;", "\\", "!",
    "\n> ", "\n- ", "\n1. ", "\n\t", "* * *\n", "~~~\n", "# H\n", "file:///etc/passwd", "HTTPS://EVIL.TEST",
]  # fmt: skip
FUZZ = int(os.environ.get("TEST_FUZZ", "400"))
TEXTS = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(ACTIVE)), max_size=12).map("".join)


def is_invisible(char: str) -> bool:
    return unicodedata.category(char).startswith("C") or unicodedata.category(char) in ("Zl", "Zp")


@settings(deadline=None, max_examples=FUZZ)
@given(TEXTS)
def test_fuzzed_text_keeps_no_invisible_characters(text: str) -> None:
    for cleaned in (visible(text), one_line(text), markdown.quoted(text), markdown.prose(text), plain(text, 200)):
        assert not [char for char in cleaned if is_invisible(char) and char not in "\n\t"]
    for line in (one_line(text), markdown.quoted(text), plain(text, 200)):
        assert "\n" not in line


def token_types(text: str) -> set[str]:
    """Return the types of all tokens that a CommonMark parser with tables and strikethrough finds in a text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    types = set()
    pending = parser.parse(text)
    while pending:
        token = pending.pop()
        types.add(token.type if token.type != "heading_open" else token.tag)
        pending += token.children or []
    return types


UNSAFE = {"link_open", "image", "html_inline", "html_block", "code_inline", "fence", "h1", "h2", "table_open", "hr"}


@pytest.mark.slow
@settings(deadline=None, max_examples=FUZZ)
@given(TEXTS)
@example(">~~~")
@example("- # H\n1. > #")
@example("* * *\n+ ---")
def test_a_markdown_parser_finds_nothing_to_act_on(text: str) -> None:
    assert not token_types(markdown.prose(text)) & UNSAFE
    assert not token_types(f"- 2024-06-28: «{markdown.quoted(text)}»") & {*UNSAFE, "em_open", "strong_open", "s_open"}
    assert "evil.test" not in markdown.prose(text).lower() or "://" not in markdown.prose(text)


def test_prose_keeps_permitted_markdown() -> None:
    text = "### Outlook\n\nThe **close** of *AAPL*:\n\n- up 1.2 %\n- or not [as said](http://x.test/a_(b))"
    assert markdown.prose(text).startswith("### Outlook\n\nThe **close** of *AAPL*:\n\n- up 1.2 %\n- or not ")
    assert markdown.prose("# Big\n## Less") == "### Big\n### Less"


@pytest.mark.parametrize(
    ("address", "valid"),
    [
        ("https://finance.example.com/news/a-b_c.html?x=1&y=%20#top", True), ("http://example.com", True),
        ("javascript:alert(1)", False), ("//example.com/x", False), ("http://[bad", False), ("http://", False),
        ("http://user:pw@example.com/", False), ("ftp://example.com/", False), ("http://example.com/a b", False),
        ("http://example.com/a)b", False), ("http://example.com/\x1b[31m", False), ("http://ex\u202eample.com/", False),
        ("http://example.com:99999/", False), ("http://localhost/", False), ("", False), ("data:text/html,x", False),
        ("http://[::1]/", False), ("HTTPS://example.com/", True), ("http://example.com\\@evil.test/", False),
    ],
)  # fmt: skip
def test_only_web_addresses_become_links(address: str, valid: bool) -> None:
    assert markdown.is_address(address) is valid
    assert markdown.link("[Reuters]", address) == (rf"[\[Reuters\]]({address})" if valid else r"\[Reuters\]")


KNOWN = AllowedClaims(
    numbers=tuple(map(float, range(300))), dates=frozenset({"2024-01-01"}), quoted="news 4.5 " * 300, price=400.0,
    counts=frozenset({400}),
)  # fmt: skip
READERS: dict[str, Callable[[str], object]] = {
    "claims": lambda text: (claims.check(text, KNOWN), claims.drop_ungrounded(text, KNOWN)),
    "answer": lambda text: answer.is_one(text),
    "prose": lambda text: answer.is_one(
        json.dumps({"report": f"a{text}", "recommendation": "NEUTRAL", "confidence": "Low"})
    ),
    "headline": lambda text: plain(text, 200),
    "quoted": markdown.quoted,
    "line": one_line,
    "list": lambda text: listed(text[:100_000]),
}
REPEATED = [
    "400 ", "400.5 ", "$400 ", "price at ", "one hundred ", "forty-", "one and a half ", "1,", "2024-01-01 ", "May ",
    "S&P ", "\n400 ", "<think>", "</think>", "<think></think>", "{", "[", "[a](", "![", "```\n", "[a]: b\n", "*", "# ",
    "market stance ", "\n", "http://", "www.", "<", "=\n", '{"a":', "&", "<|", "[INST]", "(((", "\x1b[", "ticker,",
    "x\n", "> ",
]  # fmt: skip


@pytest.mark.parametrize("text", REPEATED)
@pytest.mark.parametrize("reader", READERS)
def test_long_repetitive_text_takes_no_quadratic_time(reader: str, text: str) -> None:
    """20,000 times `<think>` took 15 s, 5,000 times "400 " a minute: a guard against that, not a benchmark."""
    started = time.process_time()
    READERS[reader](text * 6_000)
    assert time.process_time() - started < 4
