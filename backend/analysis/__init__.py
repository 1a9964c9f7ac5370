"""What experiments say: intervals, tables, figures and findings. Pure: no database, no network."""
