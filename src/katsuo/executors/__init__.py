"""Where shards run; never a stage's business."""
