"""Teaching a VAE: sounds in, a model pack out."""
