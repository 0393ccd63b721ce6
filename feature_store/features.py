"""The entity and the feature view, where Feast's own command line looks for them; defined in stockops."""

from stockops.adapters.feast import definitions

ticker = definitions.entity()
stock_stats = definitions.view(ticker)
