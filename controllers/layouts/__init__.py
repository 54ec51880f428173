"""Layouts for touch programs, made from the parameter table and the values that hold."""
