"""What judges a stream: its reference, and the detectors that compare with it."""
