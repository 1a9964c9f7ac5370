"""All that API and worker agree on; imports neither (standard library, pydantic and YAML only)."""
