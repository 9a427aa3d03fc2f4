"""Development only: the service never imports it, and no image or slug needs it."""
