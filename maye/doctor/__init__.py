"""`maye doctor`: small checks of an installation, each with what was found, where, and the cure."""
