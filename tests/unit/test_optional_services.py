import pytest

from stockops.errors import DataError, ServiceError
from stockops.optional_services import PAUSE_SECONDS, OptionalServices


class Flaky:
    """A service that fails on demand."""

    needs = ("feast", "redis")

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.calls = 0

    def check(self) -> str:
        return "1.0"

    def answer(self) -> int:
        self.calls += 1
        if self.fails:
            raise ServiceError(f"{self.fails} is down", "start it", service=self.fails)
        return 42


def test_a_successful_call_returns_its_result_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    optional, service = OptionalServices(), Flaky()
    assert optional.attempt(service, service.answer) == 42
    assert optional.degraded == ()
    assert caplog.text == ""


def test_an_outage_returns_none_marks_degraded_and_logs_once(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    optional, service = OptionalServices(lambda: now), Flaky(fails="redis")
    for _ in range(3):
        now += 2 * PAUSE_SECONDS
        assert optional.attempt(service, service.answer) is None
    assert service.calls == 3
    assert optional.degraded == ("redis",)
    assert [record.getMessage() for record in caplog.records] == ["redis is down; start it: going on without it"]


def test_a_failed_service_is_not_retried_within_the_pause_and_stays_degraded() -> None:
    now = 0.0
    optional, service = OptionalServices(lambda: now), Flaky(fails="redis")
    optional.attempt(service, service.answer)
    optional.begin()
    service.fails = ""
    now += PAUSE_SECONDS - 1
    assert optional.attempt(service, service.answer) is None
    assert service.calls == 1
    assert list(optional.degraded) == ["redis"]
    now += 2
    optional.begin()
    assert optional.attempt(service, service.answer) == 42
    assert optional.degraded == ()


def test_other_errors_propagate() -> None:
    def fail() -> int:
        raise DataError("too few rows")

    with pytest.raises(DataError):
        OptionalServices().attempt(Flaky(), fail)
    with pytest.raises(ZeroDivisionError):
        OptionalServices().attempt(Flaky(), lambda: 1 // 0)
