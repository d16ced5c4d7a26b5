"""What is run in a notebook's kernel is no module to be looked through for doctests."""

collect_ignore_glob = ["claims/*"]
