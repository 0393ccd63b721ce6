"""What the processes of `forked` are born with. Feast is the first: it would import torch with more than it needs."""

from importlib import import_module

from stockops.adapters.feast import feast_import

feast_import.load()
for name in (
    "exchange_calendars",
    "mlflow.store.tracking.sqlalchemy_store",
    "pytest",
    "stockops.adapters.feast.offline",
    "stockops.adapters.feast.online",
    "stockops.adapters.feast.repository",
    "stockops.cli",
    "stockops.pipelines.train",
    "stockops.services",
    "torch",
):
    import_module(name)
