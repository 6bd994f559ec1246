//! Integration tests: one binary, one file for each flow.

#[cfg(test)]
mod random;
#[cfg(test)]
mod store;
#[cfg(test)]
mod windows;
