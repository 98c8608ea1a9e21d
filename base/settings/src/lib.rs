//! Every setting that is read from the environment, in one place.
