//! Plays scenarios over the vendors' interfaces and ours, for the demo and tests.
