//! A user's Python class in supervised worker processes.
