"""What is computed from the copied bytes of an inference. `plan` decides, from shapes and dtypes, what to compute."""
