"""Where `feature_store/` files of earlier releases look for what is in `stockops.adapters.feast` now."""

from stockops.adapters.feast.offline import TickerFilesOfflineStore, TickerFilesOfflineStoreConfig

__all__ = ["TickerFilesOfflineStore", "TickerFilesOfflineStoreConfig"]
