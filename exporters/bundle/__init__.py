"""The outbox in a file: carried by hand where there is no link, signed by the device that wrote it."""
