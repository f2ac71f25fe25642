use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use experiment::Experiment;
use lab::{Lab, Stop};
use run::{Node, Stand};

use super::kernel::Kernel;
use super::meters::HostMeters;
use super::node::HostNode;

/// A lab that stands on this machine.
pub struct HostStand<'a> {
    /// The lab itself.
    pub lab: Lab,
    /// Time from the first namespace until the last program was ready, in seconds.
    pub stand_up_s: f64,
    /// The folder for its files.
    pub folder: PathBuf,
    /// The experiment whose lab stands.
    pub experiment: &'a Experiment,
    /// Set once the user asks to stop.
    pub stop: &'a Stop,
}

impl Stand for HostStand<'_> {
    type Meters = HostMeters;
    type Witness = Kernel;

    fn id(&self) -> &str {
        self.lab.id()
    }

    fn stand_up_s(&self) -> f64 {
        self.stand_up_s
    }

    fn node(&mut self, arm: &str) -> impl Node {
        let node = self.lab.nodes_mut().iter_mut().find(|node| node.name() == arm);
        HostNode { node: node.expect("every arm of the plan stands"), folder: &self.folder, stop: self.stop }
    }

    fn meters(&self, opened: Instant) -> anyhow::Result<HostMeters> {
        HostMeters::open(&self.lab, opened).context("cannot open the meters")
    }

    fn witness(&self) -> anyhow::Result<Kernel> {
        Kernel::over(self.experiment, &self.lab)
    }
}
