"""How near one sound is to another."""
