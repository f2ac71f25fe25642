use serde::{Deserialize, Serialize};

use crate::{Facts, LeftOut, Samples};

/// Everything that a run observed, in the order in which it happened.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// Names of the arms; the first is the baseline.
    pub arms: Vec<String>,
    /// One line per block of load (`load.jsonl`).
    pub load: Vec<LoadBlock>,
    /// One line per idle window and block (`meters.jsonl`).
    pub meters: Vec<Reading>,
    /// How rounds are spread over stand-ups; `None` with one stand-up.
    pub stands: Option<Stands>,
    /// Other facts about the run (`facts.json`).
    pub facts: Facts,
    /// Blocks whose rounds are left out. Neither `load` nor `meters` has those rounds.
    pub left_out: Vec<LeftOut>,
}

/// What each stand-up of the lab holds, in order; the last may hold less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stands {
    /// Number of rounds.
    pub rounds: u32,
    /// Number of stand-ups, the first ones, that hold one round more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub longer: u32,
    /// Number of idle windows before the first request, and the same number after the warm-up.
    pub windows: u32,
}

impl Stands {
    /// The stand-up to which a round belongs, from 0.
    pub fn of_round(self, round: u32) -> u32 {
        let rounds = self.rounds.max(1);
        match round.checked_sub(self.longer * (rounds + 1)) {
            None => round / (rounds + 1),
            Some(later) => self.longer + later / rounds,
        }
    }

    /// The number of stand-ups that `rounds` rounds have begun.
    pub fn begun(self, rounds: u32) -> u32 {
        rounds.checked_sub(1).map_or(0, |last| self.of_round(last) + 1)
    }

    /// The stand-up to which an idle window belongs, from 0.
    pub fn of_window(self, window: u32) -> u32 {
        window / self.windows.max(1)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the load generator saw in one block of one arm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoadBlock {
    /// Name of the arm under load.
    pub arm: String,
    /// Round, from 0; blocks of one round are compared with each other.
    pub round: u32,
    /// The results of its requests.
    #[serde(flatten)]
    pub samples: Samples,
}

/// The time at which a reading was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// All arms stand, and none has received a request yet.
    Idle,
    /// All arms rest after the warm-up.
    IdleWarm,
    /// Between the edges of one of the arm's blocks.
    Load,
}

/// Resources that one arm used between two instants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Idle window or block.
    pub phase: Phase,
    /// Name of the arm.
    pub arm: String,
    /// Round or number of the idle window, from 0. Readings with the same number are paired.
    pub round: u32,
    /// First instant, in seconds since the lab stood; zero in runs that did not record it.
    #[serde(default)]
    pub started_s: f64,
    /// Time between the two instants, in seconds.
    pub wall_s: f64,
    /// Additional time for which the machine was suspended, in seconds; zero in runs that did not check.
    #[serde(default)]
    pub suspended_s: f64,
    /// Every container of the arm, including those of its node.
    pub containers: Vec<ContainerUse>,
    /// The link of every pod of the arm, including the client's; empty in runs that did not record it.
    #[serde(default)]
    pub links: Vec<LinkUse>,
    /// The whole machine over the same time.
    pub machine: MachineUse,
}

/// The pod name that stands for an arm's node in its [`Reading`]s. Its containers are `dns` and, if pods have health
/// probes, `kubelet`. They are outside all totals.
pub const NODE: &str = "node";

/// CPU and memory that one container used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContainerUse {
    /// Name of the pod, such as `reviews-v2`. `client` and [`NODE`] are outside all totals.
    pub pod: String,
    /// `app` or `proxy`; for the node, `dns` or `kubelet`.
    pub container: String,
    /// CPU time, in seconds.
    pub cpu_s: f64,
    /// CPU time in user mode, in seconds.
    pub cpu_user_s: f64,
    /// CPU time in the kernel, in seconds.
    pub cpu_system_s: f64,
    /// Memory at the end, in bytes.
    pub memory_bytes: u64,
    /// Number of periods in which a CPU quota throttled the container or a group above it; zero without quotas.
    #[serde(default)]
    pub throttled: u64,
}

/// What one pod sent over its link, as the link counts it: Ethernet frames with all headers. A frame that the kernel
/// has not yet segmented counts once. Traffic inside the pod, such as between an application and its sidecar, is not
/// included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUse {
    /// Name of the pod.
    pub pod: String,
    /// Number of bytes sent.
    pub sent_bytes: u64,
    /// Number of frames sent.
    pub sent_frames: u64,
}

/// The source of memory figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemorySource {
    /// The memory cgroup: use less inactive file pages, as the kubelet computes it.
    WorkingSet,
    /// The sum of the processes' proportional set sizes (`smaps_rollup`).
    Pss,
}

/// What the machine's processors did, in CPU-seconds over all cores.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct MachineUse {
    /// Time that was not idle, not waiting for I/O, and not stolen.
    pub busy_s: f64,
    /// The part of it in device interrupts; 0 if the kernel does not account for them separately, or was not asked.
    #[serde(default)]
    pub irq_s: f64,
    /// The part of the busy time in software interrupts.
    pub softirq_s: f64,
    /// Time stolen by the hypervisor.
    pub steal_s: f64,
    /// Cores times wall time: the capacity.
    pub capacity_s: f64,
    /// Wall time during which some task waited for a processor (pressure stall information); `None` if it is off.
    #[serde(default)]
    pub pressure_s: Option<f64>,
    /// Runnable tasks, mean of the two instants, including the meter itself; `None` if not recorded.
    #[serde(default)]
    pub runnable: Option<f64>,
}
