//! Small models for the tests, made in memory.
