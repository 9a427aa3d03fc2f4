"""Development only: the service never imports this, and images and slugs do not need it."""
