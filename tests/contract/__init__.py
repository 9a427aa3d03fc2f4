"""C-29: the tests in each service pass when it is new or has grown, and fail if an edit breaks it."""
