"""Settings -> the checks of `doctor`. With `services`, the only importer of `adapters`."""

from datetime import timedelta

from stockops.errors import DataError
from stockops.pipelines.doctor import Check
from stockops.ports import Service
from stockops.services import Services
from stockops.settings import Settings

_SYMBOL = "AAPL"  # available from every vendor
_TIMEOUT_SECONDS = 3.0


def checks(settings: Settings, services: Services) -> list[Check]:
    """Return the checks of everything configured, those that every command requires first."""
    from stockops.adapters.storage import home_checks

    return [
        Check("home", lambda: home_checks.check_home(settings.home), required=True),
        Check("prices", lambda: _prices(settings, services), required=True),
        Check("models", lambda: _models(settings, services), required=True),
        Check("model ages", lambda: _ages(settings, services)),
        Check("state", lambda: services.state.check()),
        Check("ledger", lambda: services.ledger.check()),
        Check("feast", lambda: _served(services.features)),
        Check("mlflow", lambda: _served(services.tracker)),
        Check("reports", lambda: services.reports.check()),
        *([Check("pushgateway", gateway.check)] if (gateway := services.gateway) else []),
        *_of_the_analyst(settings, services),
    ]


def _of_the_analyst(settings: Settings, services: Services) -> list[Check]:
    found = [Check(model.name, model.open().check) for model in services.chat_models]
    found = found or [Check("language model", lambda: "none configured: reports are written by rules")]
    found += [Check(f"{embedder.needs[0]}: {embedder.name}", embedder.check) for embedder in services.embedders]
    if settings.finnhub_api_key or settings.source == "yahoo":  # other forecasts start before Yahoo's latest news
        found.append(Check("news", lambda: _served(services.news)))
    return found


def _ages(settings: Settings, services: Services) -> str:
    from stockops.pipelines.model_ages import ModelAges

    seconds = settings.doctor_seconds / 2
    return ModelAges(services.models, services.history, settings.model_max_age, seconds).check()


def _models(settings: Settings, services: Services) -> str:
    from stockops.pipelines import model_resolver

    return model_resolver.check(services.models, settings.doctor_seconds / 2)


def _served(service: Service | None) -> str:
    return "switched off" if service is None else service.check()


def _prices(settings: Settings, services: Services) -> str:
    """Fetch a share's last days from the vendor, once and uncached; for files, count or name them."""
    from stockops.adapters.market_data import source_files

    if settings.source == "sample":
        return f"sample: {source_files.sample(_SYMBOL).name} and {source_files.sample('^GSPC').name}"
    if settings.source == "csv":
        folder = services.data_dir()
        found = len(source_files.price_files(folder))
        if not found:
            raise DataError(f"no price files in {folder}", "add the files or choose another --data-dir")
        return f"csv: {found} price files in {folder}"
    from stockops.adapters.network.retries import RetryPolicy

    today = services.clock.now.date()
    feed = services.vendor(min(_TIMEOUT_SECONDS, settings.http_timeout_seconds), RetryPolicy(attempts=1))
    bars = feed.bars(_SYMBOL, today - timedelta(days=10), today).table
    return f"{feed.name}: {_SYMBOL} to {bars.index[-1]:%Y-%m-%d}"
