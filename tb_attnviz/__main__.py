"""`python -m tb_attnviz`: the command `tb-attnviz` where its script is not on the path."""

import sys

from tb_attnviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
