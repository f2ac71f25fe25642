/// Something that this kernel does not let be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What is not seen.
    pub what: &'static str,
    /// Why.
    pub why: String,
}
