"""Model packs: their files, names and networks. The shipped packs lie in this folder."""
