"""Problems of imported data sets, as the trainer reads them."""
