"""Landed files in Cloud Storage."""
