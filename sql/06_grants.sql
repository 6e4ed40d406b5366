-- Anyone: the newest trades.
GRANT USAGE ON SCHEMA api TO api_anon;
GRANT SELECT ON api.latest_trades TO api_anon;

-- The producer. USAGE on core, because PostgREST spells out the types of the columns it writes (core.market_enum).
-- It opens no table of core.
GRANT USAGE ON SCHEMA api, core TO api_data_producer;
GRANT SELECT ON api.latest_trades TO api_data_producer;
GRANT SELECT, INSERT, UPDATE ON api.all_trades TO api_data_producer;

-- The unfinished interval is deleted and written anew, hence DELETE. PostgreSQL takes the grant of TRUNCATE on a view
-- but truncates tables only; it stands here for the day on which the view becomes a table.
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON api.portfolio_history TO api_data_producer;

-- Is this one needed, when the view's owner owns the sequence too? Yes.
-- A view lends its owner's rights on the *relations* below it. The default of a serial column is an expression,
-- nextval('core.portfolio_history_id_seq'), and an expression runs as the calling role. Without this grant:
--     403 42501 permission denied for sequence portfolio_history_id_seq
-- Only a row that brings its own id does without. (USAGE is what nextval() asks for; SELECT lets the producer read the
-- sequence's state. An identity column, GENERATED ... AS IDENTITY, would skip the check and need no grant.)
-- tests/load/sandbox/test_sql.py tests it with the grant and without.
GRANT USAGE, SELECT ON SEQUENCE core.portfolio_history_id_seq TO api_data_producer;
