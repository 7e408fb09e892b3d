"""What `./dev` is made of: one module per concern, none of it imported by an addon."""
