"""Reading files of strangers, bounded."""
