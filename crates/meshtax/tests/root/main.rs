//! Runs on a real machine: figures, guards, faults, pages. These need root and Envoy.

mod causes;
mod faults;
mod guards;
mod html;
mod numbers;
mod refusal;
mod study;
mod truth;
mod watched;
