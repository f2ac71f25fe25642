/// Something that the witness cannot see on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What cannot be seen.
    pub what: &'static str,
    /// Why it cannot be seen.
    pub why: String,
}
