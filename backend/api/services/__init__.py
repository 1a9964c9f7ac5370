"""Rules and queries; no web framework."""
