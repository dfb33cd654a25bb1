"""The LinkModel media gateway as a client sees it: tasks, prepaid balance, signed links."""
