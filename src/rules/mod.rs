//! Alert and recording rules as data, and the files made from them.
