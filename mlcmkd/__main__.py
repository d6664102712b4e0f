"""`python -m mlcmkd`, the same as the `mlcmkd` command."""

from mlcmkd.cli import main

main()
