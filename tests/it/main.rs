//! Integration tests: one binary, one file for each flow.
mod fuzz;
mod layouts;
mod pages;
