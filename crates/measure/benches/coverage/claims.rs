//! Claims are printed as they are checked, and asserted at the end.

/// Claims that did not hold.
#[derive(Default)]
pub struct Claims(Vec<String>);

impl Claims {
    /// Prints a line about a share, and whether it holds.
    pub fn hold(&mut self, line: String, is_held: bool) {
        println!("{line}{}", if is_held { "" } else { " (MISSED)" });
        if !is_held {
            self.0.push(line);
        }
    }

    pub fn assert(self) {
        assert!(self.0.is_empty(), "claims that do not hold: {:#?}", self.0);
    }
}
