//! The room from outside: what it writes, held against what it imitates.

mod istio;
