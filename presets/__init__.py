"""What a performer keeps: the preset schema, the bank, the factory presets."""
