//! What is asked, as values: a load, its requests and their times, and orders to the load generator.
//!
//! In: texts such as a URL or an order's line. Out: a [`Load`], an [`Order`]. This room asks for nothing, and does not
//! know what becomes of it: `measure` has the figures.

mod load;
mod model;
mod order;
mod rate;
mod request;
mod target;

pub use load::{IN_FLIGHT_MAX, Load};
pub use model::{Arrivals, Model, Think};
pub use order::{Order, OrderError};
pub use rate::{ArrivalCurve, RateStage};
pub use request::Request;
pub use target::{Target, TargetError};
