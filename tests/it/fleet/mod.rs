//! Large shops on the real daemon: what many organisations and many users cost.

mod measured;
