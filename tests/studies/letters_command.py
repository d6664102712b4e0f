"""A command that runs the study of `tests.studies.letters`; its workers know that module by its name."""

import sys

from tests.studies.letters import main

if __name__ == "__main__":
    main(sys.argv[1])
