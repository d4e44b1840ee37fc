"""The technician's terminal dashboard."""
