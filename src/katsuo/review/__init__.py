"""How does a person look at a run's tasks, and decide on them? A page on this machine alone."""
