//! View → exposition, and the daemon's own counters. One catalogue of every metric as data.
