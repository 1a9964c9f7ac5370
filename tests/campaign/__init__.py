"""Long fault tests: `make campaign`."""
