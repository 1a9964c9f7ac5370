"""Rules and queries of the platform, without HTTP."""
