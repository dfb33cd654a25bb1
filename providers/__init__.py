"""One adapter per provider behind one small protocol, and the price catalogue."""
