"""The REST API: queues runs, stores what they report, serves the dashboard."""
