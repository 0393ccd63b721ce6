"""Where `feature_store/` files of earlier releases look for what is in `stockops.adapters.feast` now."""

from stockops.adapters.feast.online import HomeOnlineStore, HomeOnlineStoreConfig

__all__ = ["HomeOnlineStore", "HomeOnlineStoreConfig"]
