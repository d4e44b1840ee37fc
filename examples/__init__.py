"""Programs that show Driftline at work; nothing else imports them."""
