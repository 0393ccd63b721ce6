"""`metrics`, and what every command records for it."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.cli import Cli, start
from tests.integration.commands.test_cli_background import worker_of
from tests.servers import PushgatewayServer, RedisServer, free_port, http, needed, wait_until

PREDICT = ("predict-child", "--ticker", "AAPL")


def values(page: str) -> dict[str, float]:
    """Return every series of an exposition with its value."""
    lines = [line.rpartition(" ") for line in page.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


def test_forecasts_trainings_and_successes_are_counted(trained: Cli) -> None:
    for arguments in (PREDICT, PREDICT, ("predict-parent",), ("train-child", "--ticker", "AAPL")):
        assert trained(*arguments).code == 0
    found = values(trained("metrics").out)
    assert found['prediction_total{type="child"}'] == 2
    assert found['prediction_total{type="parent"}'] == 1
    assert found['prediction_latency_seconds_count{type="child"}'] == 2
    assert found['redis_cache_hit_total{key="predict_child"}'] == 1
    assert found['redis_cache_miss_total{key="predict_child"}'] == 1
    assert found['training_duration_seconds_count{task_id="AAPL"}'] == 1
    assert 0 < found['training_duration_seconds_sum{task_id="AAPL"}'] < 60
    assert found["training_mse_last"] == trained("show", "metrics", "--ticker", "AAPL").document["MSE"]
    assert abs(found['stockops_model_trained_timestamp_seconds{ticker="AAPL"}'] - time.time()) < 60
    for command, ticker in (("predict-child", "AAPL"), ("predict-parent", "^GSPC"), ("train-child", "AAPL")):
        series = f'stockops_last_success_timestamp_seconds{{command="{command}",ticker="{ticker}"}}'
        assert abs(found[series] - time.time()) < 60
    assert 0 <= found["system_cpu_percent"] <= 100
    assert "redis_up" not in found  # no Redis is configured


def test_metrics_are_printed_as_json_on_request(trained: Cli) -> None:
    trained(*PREDICT)
    document = trained("metrics", "--json").document
    assert document["metrics"]['prediction_total{type="child"}'] == 1
    assert "system_ram_used_mb" in document["metrics"]


def test_a_failed_command_counts_nothing(trained: Cli) -> None:
    assert trained("predict-child", "--ticker", "MSFT", "--on-missing", "fail").code == 4
    assert trained("analyze", "--ticker", "MSFT", "--on-missing", "fail").code == 4
    found = values(trained("metrics").out)
    assert found['prediction_total{type="child"}'] == 0
    assert not [series for series in found if series.startswith("stockops_last_success")]


@pytest.mark.parametrize("store", ["embedded", "redis"])
def test_concurrent_processes_lose_no_increment(trained: Cli, redis_server: RedisServer, store: str) -> None:
    if store == "redis":
        trained.setenv(REDIS_URL=redis_server.url.replace("/0", "/1"))  # its own database
    assert trained(*PREDICT).code == 0
    processes = [start(*PREDICT, home=trained.home) for _ in range(8)]
    assert [process.communicate(timeout=60) and process.returncode for process in processes] == [0] * 8
    found = values(trained("metrics").out)
    assert found['prediction_total{type="child"}'] == 9
    assert found['prediction_latency_seconds_bucket{le="+Inf",type="child"}'] == 9
    assert found['redis_cache_hit_total{key="predict_child"}'] == 8


def test_a_redis_outage_is_reported_and_totals_are_left_out(trained: Cli, redis_server: RedisServer) -> None:
    trained.setenv(REDIS_URL=redis_server.url)
    trained(*PREDICT)
    up = values(trained("metrics").out)
    assert (up["redis_up"], up["redis_keys_total"] >= 2) == (1, True)
    trained.setenv(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    result = trained("metrics")
    down = values(result.out)
    assert (result.code, down["redis_up"]) == (0, 0)
    assert not [series for series in down if series.startswith(("prediction_", "redis_keys", "redis_cache"))]
    assert result.err.count("warning") == 1


def test_training_status_is_the_status_of_the_task(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "MSFT", "--background").code == 0
    assert trained("status", "MSFT", "--wait").code == 0
    found = values(trained("metrics").out)
    assert found['training_status{task_id="MSFT"}'] == 2
    assert found['training_duration_seconds_count{task_id="MSFT"}'] == 1
    assert 'stockops_last_success_timestamp_seconds{command="train-child",ticker="MSFT"}' in found


def test_a_training_in_the_foreground_has_a_training_status_too(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "MSFT").code == 0
    found = values(trained("metrics").out)
    assert {series: value for series, value in found.items() if series.startswith("training_status")} == {
        'training_status{task_id="MSFT"}': 2
    }
    status = trained("status").document
    assert status["tasks"] == []  # those are tasks in the background


@pytest.mark.parametrize(
    ("signum", "code", "status"), [(signal.SIGKILL, -signal.SIGKILL, 0), (signal.SIGINT, 130, None)]
)
def test_a_training_in_the_foreground_is_running_until_it_ends(
    trained: Cli, signum: signal.Signals, code: int, status: int | None
) -> None:
    def training_status() -> float | None:
        return values(trained("metrics").out).get('training_status{task_id="MSFT"}')

    process = start("train-child", "--ticker", "MSFT", "--epochs", "10000", home=trained.home)
    try:
        wait_until(lambda: training_status() == 1, 60, "the training running")
    finally:
        process.send_signal(signum)
        process.communicate(timeout=20)
    assert process.returncode == code
    assert training_status() == status


def test_a_failed_background_task_outweighs_an_earlier_training(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "MSFT").code == 0
    time.sleep(1.1)  # times are in whole seconds
    trained.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(trained.home))
    assert trained("train-child", "--ticker", "MSFT", "--background").code == 0
    assert trained("status", "MSFT", "--wait").code == 3
    assert values(trained("metrics").out)['training_status{task_id="MSFT"}'] == 0


def test_a_running_training_is_not_yet_a_success(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    assert trained("train-child", "--ticker", "MSFT", "--background").code == 0
    try:
        found = values(trained("metrics").out)
        assert not [series for series in found if series.startswith("stockops_last_success")]
        assert found['training_status{task_id="MSFT"}'] <= 1
    finally:
        os.kill(worker_of(trained, "MSFT"), signal.SIGKILL)


def test_the_page_passes_promtool(trained: Cli) -> None:
    trained(*PREDICT)
    checked = subprocess.run(
        [needed("promtool", "prometheus"), "check", "metrics"],
        input=trained("metrics").out,
        capture_output=True,
        text=True,
    )
    complaints = {line.split()[0] for line in checked.stderr.splitlines() if line.strip()}
    # Fixed names that break the naming conventions of promtool.
    assert complaints <= {"redis_keys_total", "system_ram_used_mb", "system_disk_used_mb"}


def test_a_textfile_is_replaced_and_leaves_no_temporary_file(trained: Cli, tmp_path: Path) -> None:
    target = tmp_path / "collector" / "stockops.prom"
    target.parent.mkdir()
    first = trained("metrics", "--textfile", str(target))
    assert (first.code, first.document["textfile"]) == (0, str(target))
    assert first.document["bytes"] == len(target.read_bytes())
    trained(*PREDICT)
    trained("metrics", "--textfile", str(target))
    assert values(target.read_text())['prediction_total{type="child"}'] == 1
    assert list(target.parent.iterdir()) == [target]
    (tmp_path / "file").write_text("")
    assert trained("metrics", "--textfile", str(tmp_path / "file" / "x.prom")).code == 2


def test_every_command_pushes_to_the_gateway_and_replaces_the_last_push(
    trained: Cli, gateway: PushgatewayServer
) -> None:
    trained.setenv(PUSHGATEWAY_URL=gateway.url)
    for _ in range(2):
        assert trained(*PREDICT).code == 0
    assert trained("predict-child", "--ticker", "MSFT", "--on-missing", "fail").code == 4
    page = http.get(f"{gateway.url}/metrics").text
    [line] = [line for line in page.splitlines() if line.startswith("prediction_total{") and 'type="child"' in line]
    assert line.endswith(" 2")
    assert 'job="stockops"' in line
    assert str(trained.home) in re.sub(r"\\\\", r"\\", line)  # the instance label is the home
    pushed = trained("metrics", "--push").document
    assert (pushed["pushed"], pushed["degraded"]) == (True, [])


def test_a_dead_gateway_causes_one_warning_and_loses_no_result(trained: Cli) -> None:
    trained(*PREDICT)
    trained.setenv(PUSHGATEWAY_URL=f"http://anna:sesame@127.0.0.1:{free_port()}")
    started = time.monotonic()
    result = trained(*PREDICT)
    assert time.monotonic() - started < 2
    assert (result.code, result.document["cached"]) == (0, True)
    assert result.err.count("pushgateway") == 1
    pushed = trained("metrics", "--push")
    assert pushed.code == 5
    assert "sesame" not in result.err + pushed.err + pushed.out


def test_a_hanging_gateway_delays_a_command_by_less_than_two_seconds(trained: Cli, tmp_path: Path) -> None:
    server = PushgatewayServer(tmp_path / "own")
    server.start()
    server.pause()
    try:
        trained(*PREDICT)
        trained.setenv(PUSHGATEWAY_URL=server.url)
        started = time.monotonic()
        assert trained(*PREDICT).code == 0
        assert time.monotonic() - started < 2.5  # under two seconds of it spent waiting
    finally:
        server.resume()
        server.stop()


@pytest.mark.parametrize("address", ["nonsense", "ftp://host"])
def test_an_invalid_gateway_address_is_a_usage_error(trained: Cli, address: str) -> None:
    trained.setenv(PUSHGATEWAY_URL=address)
    result = trained(*PREDICT)
    assert (result.code, result.document["error"]["kind"]) == (2, "usage")


def test_push_without_a_gateway_is_a_usage_error(cli: Cli) -> None:
    result = cli("metrics", "--push")
    assert result.code == 2
    assert "PUSHGATEWAY_URL" in result.err


def test_a_scraper_is_served_until_ctrl_c(trained: Cli) -> None:
    port = free_port()
    process = start("metrics", "--listen", f"127.0.0.1:{port}", home=trained.home)
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        wait_until(lambda: _answers(url), 20, "the listener answering")
        assert trained(*PREDICT).code == 0
        answer = http.get(url)
        assert values(answer.text)['prediction_total{type="child"}'] == 1
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_listening_on_every_address_logs_a_warning(trained: Cli) -> None:
    for listen, warned in ((":0", True), ("127.0.0.1:0", False)):
        process = start("metrics", "--listen", listen, home=trained.home)
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(1 + warned)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert any("takes requests on every address of this machine" in line for line in lines) is warned


def _answers(url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_an_invalid_listen_address_is_a_usage_error(cli: Cli) -> None:
    for address in ("nonsense", "127.0.0.1:99999"):
        result = cli("metrics", "--listen", address)
        assert result.code == 2
        assert address in result.err


def test_metrics_import_no_numerical_library(trained: Cli) -> None:
    from tests.integration.commands.test_cli_shell import modules_after

    loaded = modules_after("metrics", home=trained.home)
    assert loaded & {"torch", "pandas", "numpy", "sklearn", "matplotlib", "yfinance", "mlflow", "feast"} == set()
