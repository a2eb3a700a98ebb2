"""How is a run's report drawn? Words, charts and one self-contained HTML file."""
