-- Times are milliseconds since 1970. Money is numeric(48,18): exact, never a float.

-- id is the bot's order id, so that sending a trade again updates it and adds nothing.
CREATE TABLE IF NOT EXISTS core.trades (
    id          text             PRIMARY KEY,
    "timestamp" bigint           NOT NULL,
    market      core.market_enum NOT NULL,
    symbol      text             NOT NULL, -- 'ETH/USD'
    base_asset  text             NOT NULL,
    quote_asset text             NOT NULL,
    is_buy      boolean          NOT NULL,
    amount      numeric(48, 18)  NOT NULL,
    price       numeric(48, 18)  NOT NULL,
    usd_value   numeric(48, 18)  NOT NULL
);

CREATE TABLE IF NOT EXISTS core.portfolio_history (
    id                                serial PRIMARY KEY,
    "timestamp"                       bigint NOT NULL,
    updated_at                        bigint,
    market                            core.market_enum,
    "interval"                        core.interval_enum,
    usd_total_value                   numeric(48, 18),
    usd_held                          numeric(48, 18),
    interval_pct_return               numeric(48, 18),
    benchmark_btc_value               numeric(48, 18),
    benchmark_btc_interval_pct_return numeric(48, 18),
    benchmark_eth_value               numeric(48, 18),
    benchmark_eth_interval_pct_return numeric(48, 18)
);
