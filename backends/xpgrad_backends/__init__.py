"""What is known of each array library: one file, one `Backend` literal each. They know xpgrad.backend and their library
alone."""
