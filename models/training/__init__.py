"""Trains a VAE on a folder of sounds and makes a model pack of it."""
