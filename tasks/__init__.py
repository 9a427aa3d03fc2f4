"""Scripts that copier runs in a user's project. They are never part of the project."""
