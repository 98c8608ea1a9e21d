"""Stands in for TensorFlow, which the components do without: the wrapper starts in a second."""

raise ImportError("the components do without TensorFlow")
