"""The watcher: one loop that owns time, lets work out when it is due, and looks at open generations."""
