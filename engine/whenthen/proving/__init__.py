"""Whether rules do as they should: histories, written by hand or made up, and what must and must not happen in them."""
