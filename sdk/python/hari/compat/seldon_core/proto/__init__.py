"""The protocol's messages, under the original's names."""
