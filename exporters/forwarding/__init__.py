"""Sending parcels to destinations: what each is configured as, how it is reached, and what its answers mean."""
