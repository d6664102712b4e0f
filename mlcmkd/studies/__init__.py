"""Many runs: tables of studies, reuse of completed runs, jobs over a cluster, reports."""
