//! What is asked, as values: a load, its target, and orders to whoever performs it.
//!
//! In: texts such as a URL or an order's line. Out: a [`Sequential`], an [`Order`]. This room asks for nothing, and does not
//! know what becomes of it: `measure` has the figures.

mod order;
mod sequential;
mod target;

pub use order::{Order, OrderError};
pub use sequential::Sequential;
pub use target::{Target, TargetError};
