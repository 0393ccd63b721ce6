import pytest

from stockops.agent import hash_embedding, questions
from stockops.errors import UsageError


def cosine(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(hash_embedding.embed(one), hash_embedding.embed(other), strict=True))


def test_a_vector_has_length_one_and_is_the_same_everywhere() -> None:
    vector = hash_embedding.embed("What moves if rates rise?")
    assert len(vector) == 768
    assert sum(value * value for value in vector) == pytest.approx(1)
    assert [place for place, value in enumerate(hash_embedding.embed("a")) if value] == [295, 569]


def test_equal_and_nearly_equal_questions_lie_close_and_others_do_not() -> None:
    assert cosine("AAPL: What moves if rates rise?", "AAPL: what moves if rates rise") > 0.999
    assert cosine("AAPL: What moves if rates rise?", "AAPL: How strong is the balance sheet?") < 0.5


def test_what_an_embedding_cannot_tell_is_told_by_words() -> None:
    told = questions.discriminating_terms
    assert told("What moves if rates rise?") != told("What moves if rates fall?")
    assert told("Should I buy?") != told("Shouldn't I buy?")
    assert told("Is 200 a floor?") != told("Is 210 a floor?")
    assert told("What moves if rates rise?") == told("what  happens when RATES RISE")
    assert told(None) == told("Analyse it.") == ""


def test_a_question_is_one_line_that_says_something() -> None:
    assert questions.clean(None) is None
    assert questions.clean(" what\n moves? ") == "what moves?"
    for bad in ("", "  \n", "x" * 1001):
        with pytest.raises(UsageError, match="--question"):
            questions.clean(bad)
