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
def test_thoughts_fences_and_talk_are_passed_over(raw: str) -> None:
    answer = read(raw % '{"report": "Fine.", "recommendation": "NEUTRAL", "confidence": "Low", "extra": 1}')
    assert (answer.report, answer.recommendation) == ("Fine.", "NEUTRAL")


def test_braces_in_the_prose_of_an_answer_are_prose() -> None:
    fields = {"report": 'Odd } and {"a": {.', "recommendation": "NEUTRAL", "confidence": "Low"}
    assert read(f"Here {{as asked}}:\n```json\n{json.dumps(fields)}\n```\nDone }}.").report == fields["report"]


def test_braces_without_end_are_no_answer_and_soon_told() -> None:
    started = time.process_time()
    for raw in ('{"a":' * 30_000, "{" * 90_000, '{"a": {}} ' * 9_000):
        with pytest.raises(AnswerError):
            read(raw)
    assert time.process_time() - started < 5


def test_of_several_objects_the_problem_of_the_nearest_is_named() -> None:
    with pytest.raises(AnswerError, match="`confidence`: Field required"):
        read('{"a": 1} {"report": "x", "recommendation": "BULLISH"}')


@pytest.mark.parametrize(
    ("raw", "wrong"),
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
def test_anything_else_is_an_error_that_says_what_is_wrong(raw: str, wrong: str) -> None:
    with pytest.raises(AnswerError, match=wrong):
        read(raw)


def test_prose_brings_no_thoughts_links_html_or_headings_of_its_own() -> None:
    text = "# Title\n<think>hm</think>See [this](http://evil.example/?q=1) ![x](http://evil.example) <script>x</script>"
    answer = read(json.dumps({"report": text, "recommendation": "NEUTRAL", "confidence": "Low"}))
    assert answer.report == "### Title\nSee this x &lt;script>x&lt;/script>"


def test_a_choice_is_one_however_it_is_written() -> None:
    answer = read('{"report": "x", "recommendation": "bullish ", "confidence": "HIGH", "news_sentiment": "mixed"}')
    assert (answer.recommendation, answer.confidence, answer.news_sentiment) == ("BULLISH", "High", "Mixed")


def test_what_a_terminal_would_obey_is_taken_out() -> None:
    answer = read(json.dumps({"report": "a\x1b[31mb\x07\u202ec\nd", "recommendation": "NEUTRAL", "confidence": "Low"}))
    assert answer.report == "a\\[31mbc\nd"
