"""The implementation of `./dev`, one module per concern. No addon imports it."""
