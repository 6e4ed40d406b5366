-- A view asks for its owner's rights on the tables below it, so that no role of PostgREST needs any on core's tables.

-- ORDER BY and LIMIT make this one read-only by itself.
CREATE OR REPLACE VIEW api.latest_trades AS
SELECT id, "timestamp", market, symbol, base_asset, quote_asset, is_buy, amount, price, usd_value
FROM core.trades
ORDER BY "timestamp" DESC, id DESC
LIMIT 100;

CREATE OR REPLACE VIEW api.all_trades AS
SELECT id, "timestamp", market, symbol, base_asset, quote_asset, is_buy, amount, price, usd_value
FROM core.trades;

-- timestamp_s is computed: writing it is refused (0A000), all other columns can be written.
CREATE OR REPLACE VIEW api.portfolio_history AS
SELECT
    id,
    "timestamp",
    market,
    "interval",
    usd_total_value,
    usd_held,
    interval_pct_return,
    benchmark_btc_value,
    benchmark_btc_interval_pct_return,
    benchmark_eth_value,
    benchmark_eth_interval_pct_return,
    "timestamp" / 1000 AS timestamp_s
FROM core.portfolio_history;
