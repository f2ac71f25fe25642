//! Tests of the room from outside: compares what it writes with what it imitates.

mod istio;
