//! temporary
#![allow(dead_code, unused, missing_docs)]
mod random;
mod store;
mod support;
