"""Alembic environment and versions; they travel with the package."""
