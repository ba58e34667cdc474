"""A small upstream of our own, so that `stream demo` shows live data with no network and no key."""
