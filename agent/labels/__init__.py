"""The truth about inferences, told hours later: found by id, compared with what the model said, counted and judged."""
