use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Duration;

use nix::time::ClockId;

/// Longest stretch of work between two looks at the clock. A look is a system call of a fraction of a microsecond, so
/// this keeps looks a small part of the work.
const CHUNK: Duration = Duration::from_micros(5);

/// Burns at least `cpu` of the calling thread's CPU time and returns what was burned, by the thread's own clock: time
/// for which the thread is not scheduled does not count.
pub(crate) fn burn(cpu: Duration) -> Duration {
    let per_chunk = turns_per_chunk();
    let start = thread_cpu();
    loop {
        let burned = thread_cpu() - start;
        let Some(left) = cpu.checked_sub(burned).filter(|left| !left.is_zero()) else { return burned };
        // The last chunk is only as long as what is left, so that the end is not overshot by half a chunk.
        work(turns_for(left.min(CHUNK), per_chunk));
    }
}

/// CPU time that the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let clock = ClockId::CLOCK_THREAD_CPUTIME_ID;
    clock.now().expect("every thread has a CPU clock").into()
}

/// The part of a chunk's turns that takes `time`, at least one.
fn turns_for(time: Duration, per_chunk: u64) -> u64 {
    (per_chunk * time.as_nanos() as u64 / CHUNK.as_nanos() as u64).max(1)
}

/// Turns of work that take [`CHUNK`] on this machine; measured once. A wrong value makes looks at the clock rarer or
/// more frequent, never the burning wrong by more than one chunk.
fn turns_per_chunk() -> u64 {
    static TURNS: OnceLock<u64> = OnceLock::new();
    *TURNS.get_or_init(|| {
        const ROUNDS: u32 = 5;
        const TURNS: u64 = 20_000;
        // The fastest round is the one that met no interrupt and no cold code.
        let fastest = (0..ROUNDS).map(|_| time_of(TURNS)).min().expect("there is a round");
        (TURNS * CHUNK.as_nanos() as u64 / (fastest.as_nanos() as u64).max(1)).max(1)
    })
}

fn time_of(turns: u64) -> Duration {
    let start = thread_cpu();
    work(turns);
    thread_cpu() - start
}

/// A chain of multiplications, each of which needs the one before: no compiler or processor can shorten it.
fn work(turns: u64) {
    let mut x = black_box(turns);
    for _ in 0..turns {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(x);
}

#[cfg(test)]
mod tests;
