"""Other people's models: how they come to be packs."""
