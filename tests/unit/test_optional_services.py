import pytest

from stockops.errors import DataError, ServiceError
from stockops.optional_services import PAUSE_SECONDS, OptionalServices


class Flaky:
    """A service that does what it is told."""

    needs = ("feast", "redis")

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.asked = 0

    def check(self) -> str:
        return "1.0"

    def answer(self) -> int:
        self.asked += 1
        if self.fails:
            raise ServiceError(f"{self.fails} is down", "start it", service=self.fails)
        return 42


def test_what_serves_is_returned_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    optional, service = OptionalServices(), Flaky()
    assert optional.attempt(service, service.answer) == 42
    assert optional.degraded == ()
    assert caplog.text == ""


def test_an_outage_is_none_named_in_degraded_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    optional, service = OptionalServices(lambda: now), Flaky(fails="redis")
    for _ in range(3):
        now += 2 * PAUSE_SECONDS
        assert optional.attempt(service, service.answer) is None
    assert service.asked == 3
    assert optional.degraded == ("redis",)
    assert [record.getMessage() for record in caplog.records] == ["redis is down; start it: going on without it"]


def test_a_service_that_failed_is_left_alone_for_a_minute_and_still_named() -> None:
    now = 0.0
    optional, service = OptionalServices(lambda: now), Flaky(fails="redis")
    optional.attempt(service, service.answer)
    optional.begin()
    service.fails = ""
    now += PAUSE_SECONDS - 1
    assert optional.attempt(service, service.answer) is None
    assert service.asked == 1
    assert list(optional.degraded) == ["redis"]
    now += 2
    optional.begin()
    assert optional.attempt(service, service.answer) == 42
    assert optional.degraded == ()


def test_other_errors_are_no_outage() -> None:
    def wrong() -> int:
        raise DataError("too few rows")

    with pytest.raises(DataError):
        OptionalServices().attempt(Flaky(), wrong)
    with pytest.raises(ZeroDivisionError):
        OptionalServices().attempt(Flaky(), lambda: 1 // 0)
