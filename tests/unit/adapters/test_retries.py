import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stockops.adapters.network.retries import RetryPolicy, Transient, retry_after
from stockops.errors import TryAgainError


def test_retry_after_is_read_as_seconds_or_a_date_only() -> None:
    assert retry_after({"retry-after": "120"}) == 120
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": soon}) == pytest.approx(90, abs=2)
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for headers in ({}, {"retry-after": "-5"}, {"retry-after": "soon"}, {"retry-after": "inf"}):
        assert retry_after(headers) is None


def test_a_retry_waits_as_long_as_the_server_asks() -> None:
    failures = iter([Transient("busy", 0.3)])

    def call() -> str:
        for failure in failures:
            raise failure
        return "done"

    started = time.monotonic()
    assert (
        RetryPolicy(attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.02).run("vendor", lambda _: call())
        == "done"
    )
    assert 0.3 <= time.monotonic() - started < 1


def test_a_wait_longer_than_the_time_left_fails_at_once() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise Transient("busy", 120)

    started = time.monotonic()
    with pytest.raises(TryAgainError, match=r"busy; it asks to wait 120 s \(attempt 1 of 4\)"):
        RetryPolicy(total_seconds=5).run("vendor", lambda _: call())
    assert time.monotonic() - started < 1
    assert len(calls) == 1
