use std::time::Instant;

use experiment::Round;
use measure::Environment;
use serde::Serialize;

use super::assignment::Assignment;
use super::course::Course;
use super::ground::{Ground, Parting, Stand};
use super::meters::Meters;
use super::phase;
use super::progress::Progress;
use super::seen::Seen;
use super::standing::Standing;

/// What came of a run, also where it ended early.
pub struct Outcome<E> {
    /// All that was seen.
    pub seen: Seen,
    /// The machine as it was at the first stand-up; none if nothing stood.
    pub environment: Option<Environment>,
    /// How long each stand-up took to come and go.
    pub timings: Vec<Timing>,
    /// Why the run ended early, if it did.
    pub ended: Result<(), E>,
}

/// How long the lab took to come and go: `timing.json` has one for each time that it stood.
#[derive(Debug, Serialize)]
pub struct Timing {
    /// From the first namespace to the last program that is ready, in seconds.
    pub stand_up_s: f64,
    /// Until nothing is left, in seconds.
    pub tear_down_s: f64,
}

/// One stand-up after the other, until every round is done, or the user or an error ends it.
pub fn perform<G: Ground>(
    assignment: &Assignment<'_>,
    ground: &mut G,
    progress: &mut dyn Progress,
) -> Outcome<G::Error> {
    let course = Course::new(assignment, progress);
    let mut stands = StandUps { opened: Instant::now(), ground, course, environment: None, timings: Vec::new() };
    let ended = stands.go();
    let StandUps { course, environment, timings, .. } = stands;
    Outcome { seen: course.seen, environment, timings, ended }
}

/// Stand-ups of one ground, and what they came to beside what was measured.
struct StandUps<'a, G> {
    opened: Instant,
    ground: &'a mut G,
    course: Course<'a>,
    environment: Option<Environment>,
    timings: Vec<Timing>,
}

impl<G: Ground> StandUps<'_, G> {
    fn go(&mut self) -> Result<(), G::Error> {
        for (number, rounds) in (0..).zip(self.course.assignment.plan.by_stand()) {
            if self.stand(number, &rounds)? {
                break;
            }
        }
        Ok(())
    }

    /// Stands up, performs these rounds, and takes down, whatever came of them; whether the run is over then.
    fn stand(&mut self, number: u32, rounds: &[(u32, &Round)]) -> Result<bool, G::Error> {
        let mut stand = self.ground.stand_up(number, self.course.progress)?;
        let stand_up_s = stand.stand_up_s();
        let performed = self.perform(number, &mut stand, rounds);
        let is_over = self.course.is_over(rounds.last().map_or(0, |(round, _)| round + 1));
        let parting = if is_over && performed.is_ok() { Parting::MayStandOn } else { Parting::TakeDown };
        let started = Instant::now();
        self.ground.part(stand, parting)?;
        self.timings.push(Timing { stand_up_s, tear_down_s: started.elapsed().as_secs_f64() });
        performed.map(|()| is_over)
    }

    /// Sets up what watches a stand, and performs every phase.
    fn perform(&mut self, number: u32, stand: &mut G::Stand, rounds: &[(u32, &Round)]) -> Result<(), G::Error> {
        let meters = stand.meters(self.opened)?;
        if number == 0 {
            self.course.progress.note(&format!("lab {} stands after {:.1} s", stand.id(), stand.stand_up_s()));
        }
        let read = || self.ground.environment(meters.memory_source());
        let environment = self.environment.get_or_insert_with(read);
        self.course.assignment.folder.write_json("environment.json", environment)?;
        let witness = stand.witness()?;
        let mut standing = Standing { number, stand, meters, witness };
        phase::perform(&mut self.course, &mut standing, rounds).map_err(|error| self.ground.explain(error))
    }
}
