import pytest

from stockops.agent import hash_embedding, questions
from stockops.errors import UsageError


def cosine(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(hash_embedding.embed(one), hash_embedding.embed(other), strict=True))


def test_an_embedding_has_unit_length_and_is_reproducible() -> None:
    vector = hash_embedding.embed("What moves if rates rise?")
    assert len(vector) == 768
    assert sum(value * value for value in vector) == pytest.approx(1)
    assert [position for position, value in enumerate(hash_embedding.embed("a")) if value] == [295, 569]


def test_nearly_identical_questions_are_close_and_others_are_not() -> None:
    assert cosine("AAPL: What moves if rates rise?", "AAPL: what moves if rates rise") > 0.999
    assert cosine("AAPL: What moves if rates rise?", "AAPL: How strong is the balance sheet?") < 0.5


def test_terms_discriminate_questions_that_embeddings_cannot() -> None:
    terms = questions.discriminating_terms
    assert terms("What moves if rates rise?") != terms("What moves if rates fall?")
    assert terms("Should I buy?") != terms("Shouldn't I buy?")
    assert terms("Is 200 a floor?") != terms("Is 210 a floor?")
    assert terms("What moves if rates rise?") == terms("what  happens when RATES RISE")
    assert terms(None) == terms("Analyse it.") == ""


def test_a_question_is_one_non_empty_line_of_bounded_length() -> None:
    assert questions.clean(None) is None
    assert questions.clean(" what\n moves? ") == "what moves?"
    for bad in ("", "  \n", "x" * 1001):
        with pytest.raises(UsageError, match="--question"):
            questions.clean(bad)
