//! Tests through the door that users use.
