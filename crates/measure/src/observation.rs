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
    /// How rounds are spread over stand-ups of the lab; none if it stood up once.
    pub stands: Option<Stands>,
    /// What else is known of the run (`facts.json`).
    pub facts: Facts,
    /// Blocks whose rounds are left out: neither `load` nor `meters` has them.
    pub left_out: Vec<LeftOut>,
}

/// What each stand-up of the lab holds, one after the other; the last may hold less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stands {
    /// Rounds.
    pub rounds: u32,
    /// So many stand-ups, the first ones, hold a round more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub longer: u32,
    /// Idle windows before the first request, and as many after the warm-up.
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

    /// Stand-ups that so many rounds have begun.
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
    /// What became of its requests.
    #[serde(flatten)]
    pub samples: Samples,
}

/// When a reading was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// All arms stand, and none has been asked for anything yet.
    Idle,
    /// All arms rest after the warm-up.
    IdleWarm,
    /// Between the edges of a block of this arm.
    Load,
}

/// Resources that one arm used between two instants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Idle window or block.
    pub phase: Phase,
    /// Name of the arm.
    pub arm: String,
    /// Round or number of the idle window, from 0; readings of one number are paired.
    pub round: u32,
    /// First instant, in seconds since the lab stood; zero in runs that did not record it.
    #[serde(default)]
    pub started_s: f64,
    /// Time between the two instants, in seconds.
    pub wall_s: f64,
    /// Time beyond that for which the machine was suspended, in seconds; zero in runs that did not look.
    #[serde(default)]
    pub suspended_s: f64,
    /// Every container of the arm, those of its node among them.
    pub containers: Vec<ContainerUse>,
    /// The link of every pod of the arm, the client's among them; empty in runs that did not record it.
    #[serde(default)]
    pub links: Vec<LinkUse>,
    /// The whole machine over the same time.
    pub machine: MachineUse,
}

/// Pod of an arm's [`Reading`]s that stands for the arm's node: its containers are `dns` and, where pods are asked for their
/// health, `kubelet`. They are outside all totals.
pub const NODE: &str = "node";

/// What one container used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContainerUse {
    /// Pod, such as `reviews-v2`; `client` is outside all totals, and so is [`NODE`].
    pub pod: String,
    /// `app` or `proxy`; of the node `dns` or `kubelet`.
    pub container: String,
    /// CPU time, in seconds.
    pub cpu_s: f64,
    /// The part of it in user mode, in seconds.
    pub cpu_user_s: f64,
    /// The part of it in the kernel, in seconds.
    pub cpu_system_s: f64,
    /// Memory at the end of the time, in bytes.
    pub memory_bytes: u64,
    /// Periods in which it, or a group above it, was stopped for having used up a CPU quota; zero without quotas.
    #[serde(default)]
    pub throttled: u64,
}

/// What one pod sent over its link, as the link counts it: Ethernet frames with all their headers, where a frame that the
/// kernel has not cut into segments yet counts once. What stays inside the pod, such as the way between an application
/// and its sidecar, is no part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUse {
    /// Pod.
    pub pod: String,
    /// Bytes.
    pub sent_bytes: u64,
    /// Frames.
    pub sent_frames: u64,
}

/// Where memory figures come from.
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
    /// Not idle, not waiting for I/O, not stolen.
    pub busy_s: f64,
    /// The part of it in interrupts of devices; 0 where the kernel does not account them apart, or was not asked.
    #[serde(default)]
    pub irq_s: f64,
    /// The part of it in software interrupts.
    pub softirq_s: f64,
    /// Stolen by the hypervisor.
    pub steal_s: f64,
    /// Cores times wall time: what there was to use.
    pub capacity_s: f64,
    /// Wall time during which some task waited for a processor (pressure stall information); none where it is off.
    #[serde(default)]
    pub pressure_s: Option<f64>,
    /// Tasks that ran or wanted to, mean of those at the two instants, the meter itself among them; none if not recorded.
    #[serde(default)]
    pub runnable: Option<f64>,
}
