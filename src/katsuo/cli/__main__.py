"""`python -m katsuo.cli`: the command line without its script."""

from katsuo.cli.main import run

run()
