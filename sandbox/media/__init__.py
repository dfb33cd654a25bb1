"""Generated media: pictures and videos drawn on demand, and the ways in which their delivery can go wrong."""
