"""One GPU job: protocol, store, sweep, GPU locks, batch size."""
