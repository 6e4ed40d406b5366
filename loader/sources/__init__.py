"""Where bytes come from: files, standard input, URLs; decompressed."""
