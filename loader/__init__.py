"""bulkload: loads historical exports into PostgreSQL through PostgREST."""
