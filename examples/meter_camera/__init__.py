"""A camera that reads handwritten digits: the service that `driftline demo` watches."""
