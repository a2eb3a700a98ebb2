"""The verbs: iterables in, iterables out; no disk, no command line, no tensor."""
