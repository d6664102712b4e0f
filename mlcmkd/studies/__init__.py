"""Studies of many runs: plans, one runner, reuse of completed runs, cluster jobs, tables, reports."""
