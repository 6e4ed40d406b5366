"""Find the sources of a load and read their bytes: files, standard input and URLs, decompressed."""
