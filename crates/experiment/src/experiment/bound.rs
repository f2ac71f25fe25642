//! Upper bounds of amounts, for files and flags alike.

use std::fmt::Display;

use serde_saphyr::Spanned;
use topology::Mistake;

/// Most rounds: each is kept in memory, with a block of every arm.
pub const ROUNDS_MAX: u32 = 100_000;
/// Most stand-ups of the lab.
pub const STANDS_MAX: u32 = 1_000;
/// Most requests of an arm, and most that warm it up: at one per millisecond, more than a day of them.
pub const REQUESTS_MAX: u64 = 100_000_000;
/// Most idle windows.
pub const WINDOWS_MAX: u32 = 10_000;

/// Returns an error if the number is above `most`.
pub fn at_most<T: Copy + PartialOrd + Display>(name: &str, number: &Spanned<T>, most: T) -> Result<T, Mistake> {
    if number.value <= most {
        return Ok(number.value);
    }
    let what = format!("`{name}` must not be above {most}");
    Err(Mistake::at(number.referenced, what, format!("ask for {most} or fewer")))
}

/// Returns an error if a number of repetitions is 0 or above `most`.
pub fn repeated(name: &str, number: &Spanned<u32>, most: u32) -> Result<u32, Mistake> {
    if number.value == 0 {
        let hint = "ask for 1 or more; intervals need 6, good ones 10";
        return Err(Mistake::at(number.referenced, format!("`{name}` must not be 0"), hint));
    }
    at_most(name, number, most)
}
