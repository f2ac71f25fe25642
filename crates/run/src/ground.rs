use std::time::Instant;

use measure::{Environment, MemorySource};

use super::kernel_witness::KernelWitness;
use super::meters::Meters;
use super::node::Node;
use super::progress::Progress;

/// On what an application stands: this machine, or a cluster.
pub trait Ground {
    /// All arms of the experiment, standing side by side.
    type Stand: Stand;
    /// Why a run ended early, in the words of whoever started it.
    type Error: From<anyhow::Error>;

    /// Stands up all arms, and waits until their programs are ready; `number` counts stand-ups from 0.
    ///
    /// # Errors
    ///
    /// Something does not become ready, or the user has asked to stop. Nothing is left of the stand-up then.
    fn stand_up(&mut self, number: u32, progress: &mut dyn Progress) -> Result<Self::Stand, Self::Error>;

    /// Facts about the machine, read now.
    fn environment(&self, memory: MemorySource) -> Environment;

    /// The error that ended the phases of a stand-up, with what the ground knows of its cause.
    fn explain(&self, error: anyhow::Error) -> Self::Error;

    /// Parts with a stand.
    ///
    /// # Errors
    ///
    /// Something of it cannot be removed.
    fn part(&mut self, stand: Self::Stand, parting: Parting) -> Result<(), Self::Error>;
}

/// What may become of a stand that nothing more is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Nothing of it is to be left.
    TakeDown,
    /// It is the last of a whole run, and may stand on where the user has asked for that.
    MayStandOn,
}

/// All arms of an experiment, standing side by side.
pub trait Stand {
    /// What measures the use of CPU, memory and links here.
    type Meters: Meters;
    /// What watches from the kernel here.
    type Witness: KernelWitness;

    /// Id of the lab, by which people find what belongs to it.
    fn id(&self) -> &str;

    /// Time from its first part to the last program that was ready, in seconds.
    fn stand_up_s(&self) -> f64;

    /// The arm of this name, which is one of the plan's.
    fn node(&mut self, arm: &str) -> impl Node;

    /// Opens the meters of every arm; they tell times since `opened`.
    ///
    /// # Errors
    ///
    /// A meter is missing.
    fn meters(&self, opened: Instant) -> anyhow::Result<Self::Meters>;

    /// Loads what watches the arms that are to be watched, attached to nothing yet.
    ///
    /// # Errors
    ///
    /// The kernel refuses it.
    fn witness(&self) -> anyhow::Result<Self::Witness>;
}
