//! What a request was asked and answered at every node, kept in a folder.
