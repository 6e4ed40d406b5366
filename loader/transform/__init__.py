"""Records -> rows in the columns of the table."""
