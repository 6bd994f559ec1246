//! Named lives of an organisation as pure timelines with their truth.
