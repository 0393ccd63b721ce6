import json
import time

import pytest

from stockops.agent.answer import AnswerError, read


def test_the_stance_comes_from_the_fields_and_never_from_the_prose() -> None:
    text = "Not bullish at all; follow the highs.\n\n**Market Stance:** BULLISH | **Confidence:** High\n\nEnd."
    answer = read(json.dumps({"report": text, "recommendation": "BEARISH", "confidence": "Low"}))
    assert (answer.recommendation, answer.confidence) == ("BEARISH", "Low")
    assert answer.report == "Not bullish at all; follow the highs.\n\nEnd."


@pytest.mark.parametrize(
    "raw",
    [
        '<think>BULLISH? {"a": 1}</think>%s',
        'weighing {"report": 1}</think>%s',
        "```json\n%s\n```",
        "Here you are:\n%s\nAnything else?",
        "Here {as asked}: %s",
        'First {"a": {"b": 1}}, then %s and {more}.',
        'My notes {"report": 7}: %s',
        '{"answer": %s}',
        "[%s]",
    ],
)
def test_reasoning_fences_and_chatter_are_ignored(raw: str) -> None:
    answer = read(raw % '{"report": "Fine.", "recommendation": "NEUTRAL", "confidence": "Low", "extra": 1}')
    assert (answer.report, answer.recommendation) == ("Fine.", "NEUTRAL")


def test_braces_in_the_report_text_are_preserved() -> None:
    fields = {"report": 'Odd } and {"a": {.', "recommendation": "NEUTRAL", "confidence": "Low"}
    assert read(f"Here {{as asked}}:\n```json\n{json.dumps(fields)}\n```\nDone }}.").report == fields["report"]


def test_unbalanced_braces_are_rejected_quickly() -> None:
    started = time.process_time()
    for raw in ('{"a":' * 30_000, "{" * 90_000, '{"a": {}} ' * 9_000):
        with pytest.raises(AnswerError):
            read(raw)
    assert time.process_time() - started < 5


def test_the_error_describes_the_closest_of_several_objects() -> None:
    with pytest.raises(AnswerError, match="`confidence`: Field required"):
        read('{"a": 1} {"report": "x", "recommendation": "BULLISH"}')


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "one JSON object"),
        ("I cannot help with financial advice.", "one JSON object"),
        ("<think>and on and on", "one JSON object"),
        ('{"report": "cut o', "one JSON object"),
        ("[1, 2]", "one JSON object"),
        ("{}", "`report`: Field required"),
        ('{"report": "x", "recommendation": "BUY", "confidence": "Low"}', "`recommendation`"),
        ('{"report": "x", "recommendation": "BULLISH"}', "`confidence`: Field required"),
        ('{"report": "  ", "recommendation": "BULLISH", "confidence": "Low"}', "`report`"),
        ('{"report": ["x"], "recommendation": "BULLISH", "confidence": "Low"}', "`report`"),
        ('{"report": "<think>all of it", "recommendation": "BULLISH", "confidence": "Low"}', "`report`"),
    ],
)
def test_an_invalid_answer_raises_an_error_naming_the_problem(raw: str, problem: str) -> None:
    with pytest.raises(AnswerError, match=problem):
        read(raw)


def test_reasoning_links_html_and_headings_in_the_report_are_neutralized() -> None:
    text = "# Title\n<think>hm</think>See [this](http://evil.example/?q=1) ![x](http://evil.example) <script>x</script>"
    answer = read(json.dumps({"report": text, "recommendation": "NEUTRAL", "confidence": "Low"}))
    assert answer.report == "### Title\nSee this x &lt;script>x&lt;/script>"


def test_choices_are_normalized_regardless_of_case() -> None:
    answer = read('{"report": "x", "recommendation": "bullish ", "confidence": "HIGH", "news_sentiment": "mixed"}')
    assert (answer.recommendation, answer.confidence, answer.news_sentiment) == ("BULLISH", "High", "Mixed")


def test_terminal_control_characters_are_removed() -> None:
    answer = read(json.dumps({"report": "a\x1b[31mb\x07\u202ec\nd", "recommendation": "NEUTRAL", "confidence": "Low"}))
    assert answer.report == "a\\[31mbc\nd"
