-- CREATE TYPE knows no IF NOT EXISTS.

DO $$
BEGIN
    IF to_regtype('core.market_enum') IS NULL THEN
        CREATE TYPE core.market_enum AS ENUM ('kraken');
    END IF;
    IF to_regtype('core.interval_enum') IS NULL THEN
        CREATE TYPE core.interval_enum AS ENUM ('week', 'day');
    END IF;
END
$$;
