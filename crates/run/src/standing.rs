use super::ground::Stand;

/// A stand, and what watches it.
pub struct Standing<'a, S: Stand> {
    /// Number of the stand-up, from 0.
    pub number: u32,
    /// The stand itself.
    pub stand: &'a mut S,
    /// What measures its use of the machine.
    pub meters: S::Meters,
    /// What watches it from the kernel.
    pub witness: S::Witness,
}
