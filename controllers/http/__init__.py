"""OSCQuery, and the pages that are served on the same port."""
