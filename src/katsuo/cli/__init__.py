"""Words in, exit code out; one thin file per group of commands."""
