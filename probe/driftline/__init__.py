"""The Driftline probe: the only part of Driftline that enters a user's service."""
