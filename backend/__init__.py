"""What runs without a GPU: the contract, the database and the REST API."""
