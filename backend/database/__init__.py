"""Tables, sessions and migrations; only the API process opens the database."""
