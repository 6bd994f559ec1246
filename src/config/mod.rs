//! What the operator may say: file form → valid configuration, all mistakes at once.
