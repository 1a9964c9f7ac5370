"""The commands of `maye`, one module per topic; `app.py` puts them together."""
