"""The Seldon protocol's messages as protocol buffers."""
