"""The ``lakehouse`` command: what a person types and reads."""
