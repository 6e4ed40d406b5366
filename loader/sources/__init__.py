"""Where rows come from: each module turns one kind of source into blocks of lines."""
