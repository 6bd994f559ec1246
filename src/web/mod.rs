//! The hyper server: metrics, health, JSON, ingest and pages.
