"""katsuo: your documents become instruction-tuning tasks, and the gain is proven."""

__version__ = "0.1.0"
