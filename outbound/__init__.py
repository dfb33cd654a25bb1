"""Every HTTP request that Darkroom makes by itself: provider calls' wire, guarded downloads, callbacks."""
