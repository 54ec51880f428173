"""Model packs: a folder a pack, its files, its name, its networks. The shipped ones lie beside."""
