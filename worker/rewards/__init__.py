"""What a response is worth (Step III): the judge, and one module a reward."""
