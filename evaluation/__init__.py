"""The founding paper's two tables, for any model: how an expander's sounds compare."""
