"""Light students of many methods in one table: what is planned, made, and timed."""
