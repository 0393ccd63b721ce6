"""How metrics leave the process: pushed to a real gateway, or scraped from a listener."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from stockops.adapters.prometheus import host_metrics, redis_gauges
from stockops.adapters.prometheus.exposition import exposition
from stockops.adapters.prometheus.metrics_http import MetricsServer
from stockops.adapters.prometheus.pushgateway import Pushgateway
from stockops.errors import ServiceError, UsageError
from stockops.monitoring.catalogue import Sample
from tests.integration.cli import within_reach_of_ctrl_c
from tests.integration.listening import serving
from tests.servers import PushgatewayServer, RedisServer, free_port, http, listens, wait_until


@pytest.fixture(scope="module")
def listener() -> Iterator[str]:
    with serving(lambda: exposition({}, [])) as url:
        yield url


# The gateway.


def groups(server: PushgatewayServer) -> dict[str, dict[str, Any]]:
    """Return what a gateway holds, by instance."""
    found = http.get(f"{server.url}/api/v1/metrics").json()["data"]
    return {group["labels"]["instance"]: group for group in found}


def test_a_push_replaces_the_previous_one_of_the_same_home_only(gateway: PushgatewayServer) -> None:
    one, two = Pushgateway(gateway.url, "one"), Pushgateway(f"{gateway.url}/", "two")
    one.push(exposition({}, [Sample("stockops_drift_score", {"ticker": "GONE"}, 1), Sample("redis_up", {}, 1)]))
    two.push(exposition({}, [Sample("stockops_drift_score", {"ticker": "B"}, 2)]))
    one.push(exposition({}, [Sample("stockops_drift_score", {"ticker": "A"}, 3)]))
    held = {name: groups(gateway)[name]["stockops_drift_score"]["metrics"] for name in ("one", "two")}
    assert [(point["labels"]["ticker"], point["value"]) for point in held["one"]] == [("A", "3")]
    assert [(point["labels"]["ticker"], point["value"]) for point in held["two"]] == [("B", "2")]
    assert "redis_up" not in groups(gateway)["one"]
    one.delete()
    assert "one" not in groups(gateway)
    assert "two" in groups(gateway)
    two.delete()


@pytest.mark.parametrize("instance", ["a/b", "..", "", "ünïcode", "a b?c#d%2F"])
def test_every_home_has_its_own_group(gateway: PushgatewayServer, instance: str) -> None:
    pushgateway = Pushgateway(gateway.url, instance)
    pushgateway.push(exposition({}, []))
    assert groups(gateway)[instance]["labels"] == {"job": "stockops", "instance": instance}
    pushgateway.delete()
    assert instance not in groups(gateway)


def test_a_check_names_version_and_address(gateway: PushgatewayServer) -> None:
    assert re.fullmatch(rf"\d\S+ at {re.escape(gateway.url)}", Pushgateway(f"{gateway.url}/", "x").check())


def failure(url: str) -> ServiceError:
    """Push to a failing gateway; return the error, which must come in less than two seconds."""
    started = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        Pushgateway(url, "home").push(exposition({}, []))
    assert time.monotonic() - started < 2
    assert caught.value.service == "pushgateway"
    assert "sesame" not in str(caught.value)
    assert "anna" not in str(caught.value)
    return caught.value


def test_a_dead_gateway_fails_immediately() -> None:
    assert "refused" in str(failure(f"http://anna:sesame@127.0.0.1:{free_port()}"))


def test_a_hanging_gateway_fails_within_two_seconds(tmp_path: Path) -> None:
    hanging = PushgatewayServer(tmp_path)
    hanging.start()
    hanging.pause()
    try:
        assert "no answer in 1.5 s" in str(failure(hanging.url.replace("//", "//anna:sesame@")))
    finally:
        hanging.stop()


DRIP = """
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        client, _ = server.accept()
        try:
            for byte in b"HTTP/1.1 200 OK\\r\\nX-Slow: " + b"x" * 200:
                client.send(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
"""


def test_a_dripping_answer_fails_within_two_seconds() -> None:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", DRIP, str(port)])
    try:
        wait_until(lambda: listens(port), 10, "the dripping server")
        assert "no answer in 1.5 s" in str(failure(f"http://127.0.0.1:{port}"))
    finally:
        server.kill()
        server.wait()


def test_a_refused_push_reports_the_reason_without_secrets(gateway: PushgatewayServer) -> None:
    assert "status 404" in str(failure(gateway.url.replace("//", "//anna:sesame@") + "/elsewhere"))
    with pytest.raises(ServiceError, match="status 400: "):
        Pushgateway(gateway.url, "home").push(b"no metrics at all")


def test_user_and_password_are_sent_and_never_shown(tmp_path: Path) -> None:
    # bcrypt of "open sesame", cost 4
    (tmp_path / "web.yml").write_text(
        "basic_auth_users:\n  anna: $2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"
    )
    guarded = PushgatewayServer(tmp_path, tmp_path / "web.yml")
    guarded.start()
    try:
        address = guarded.url.removeprefix("http://")
        Pushgateway(f"http://anna:open%20sesame@{address}", "home").push(exposition({}, []))
        assert "another user or password" in str(failure(f"http://anna:sesame@{address}"))
        assert Pushgateway(f"http://anna:open%20sesame@{address}", "home").check().endswith(f" at http://{address}")
    finally:
        guarded.stop()


def test_a_server_that_is_not_a_gateway_is_rejected(listener: str) -> None:
    with pytest.raises(ServiceError, match="status 404"):
        Pushgateway(listener.removesuffix("/metrics"), "home").check()


@pytest.mark.parametrize("url", ["", "localhost:9091", "redis://anna:sesame@h", "http://", "http://h:99999"])
def test_an_invalid_gateway_address_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="http://HOST:9091") as caught:
        Pushgateway(url, "home")
    assert "sesame" not in str(caught.value)


# The listener.


def test_metrics_are_served_at_one_path_only(listener: str) -> None:
    answer = http.get(f"{listener}?x=1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.startswith("# HELP system_cpu_percent")
    for path in ("", "/", "/metricsx", "/metrics/x", "/../etc/passwd"):
        assert http.get(listener.removesuffix("/metrics") + path).status_code == 404
    head = http.head(listener)
    assert head.status_code == 200
    assert head.content == b""
    assert http.post(listener).status_code == 501


def test_a_failed_scrape_is_logged_and_the_next_is_served(caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[Exception | None] = [ServiceError("redis is down", service="redis"), OSError("a bug"), None]

    def page() -> bytes:
        if outcome := outcomes.pop(0):
            raise outcome
        return b"up\n"

    with serving(page) as url:
        assert http.get(url).status_code == 503
        assert http.get(url).status_code == 500
        assert http.get(url).text == "up\n"
    assert "redis is down: a scrape goes without an answer" in caplog.text
    assert "OSError: a bug" in caplog.text


def test_scrapes_are_serialized_and_a_silent_client_blocks_none() -> None:
    active: list[int] = []
    concurrency: list[int] = []

    def page() -> bytes:
        active.append(1)
        concurrency.append(len(active))
        time.sleep(0.02)
        active.pop()
        return b"up\n"

    with serving(page) as url, socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)):
        threads = [threading.Thread(target=http.get, args=(url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(concurrency) == 8
    assert max(concurrency) == 1


@pytest.mark.parametrize(
    "listen",
    ["", "9464", "localhost", "localhost:", "localhost:x", "localhost:65536", "h:-1", f"{'ü' * 64}:1", "a\0b:1"],
)
def test_an_address_without_host_or_port_is_a_usage_error(listen: str) -> None:
    with pytest.raises(UsageError, match="no HOST:PORT"):
        MetricsServer(listen, bytes)


def test_an_address_that_cannot_be_bound_is_a_usage_error(listener: str) -> None:
    taken = listener.removeprefix("http://").removesuffix("/metrics")
    with pytest.raises(UsageError, match=f"cannot listen on {taken}: Address already in use"):
        MetricsServer(taken, bytes)
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign requested address"):
        MetricsServer("192.0.2.1:0", bytes)


LISTEN = """
import sys
from stockops.adapters.prometheus.metrics_http import MetricsServer
try:
    MetricsServer(sys.argv[1], lambda: b"up\\n").serve()
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_stops_the_listener_immediately_and_frees_the_port() -> None:
    port = free_port()
    with within_reach_of_ctrl_c():
        process = subprocess.Popen([sys.executable, "-c", LISTEN, f"127.0.0.1:{port}"], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: listens(port), 10, "the listener")
        with socket.create_connection(("127.0.0.1", port)):  # a scraper that hangs
            assert http.get(f"http://127.0.0.1:{port}/metrics").text == "up\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(2) == 130
        assert process.communicate()[1] == b""
        with serving(lambda: b"", f"127.0.0.1:{port}") as url:
            assert http.get(url).status_code == 200
    finally:
        process.kill()


def test_host_metrics_are_plausible(tmp_path: Path) -> None:
    found = {sample.name: sample.value for sample in host_metrics.samples(tmp_path / "not" / "yet")}
    assert found.keys() == {"system_cpu_percent", "system_ram_used_mb", "system_disk_used_mb"}
    assert 0 <= found["system_cpu_percent"] <= 100
    assert 10 < found["system_ram_used_mb"] < 1e8
    assert found["system_disk_used_mb"] > 1


def test_a_running_redis_is_up_and_its_keys_are_counted(redis_server: RedisServer) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.flushdb()
    client.mset({"a": 1, "b": 2})
    found = {sample.name: sample.value for sample in redis_gauges.samples(redis_server.url, 1.0)}
    assert found == {"redis_up": 1, "redis_keys_total": 2}


def test_a_redis_that_is_down_has_no_key_count(tmp_path: Path) -> None:
    [found] = redis_gauges.samples(f"redis://:sesame@127.0.0.1:{free_port()}/0", 1.0)
    assert (found.name, found.value) == ("redis_up", 0)
    hanging = RedisServer(tmp_path)
    hanging.start()
    hanging.pause()
    started = time.monotonic()
    try:
        [found] = redis_gauges.samples(hanging.url, 0.5)
        assert time.monotonic() - started < 2
        assert (found.name, found.value) == ("redis_up", 0)
    finally:
        hanging.stop()


def test_there_are_no_redis_metrics_without_a_redis() -> None:
    assert redis_gauges.samples("", 1.0) == []
