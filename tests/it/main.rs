//! Integration tests: one binary, one file for each flow.

#[cfg(test)]
mod random;
#[cfg(test)]
mod windows;
