use std::path::Path;

use crate::Experiment;
use crate::tests::{parse, shipped};

/// Checks the arms of each run of an experiment with these groups, or the refusal without its place.
fn check(null: bool, groups: &str, expect: Result<&[(&str, &[&str])], &str>) {
    let arms = ["none", "a", "b", "c", "d", "e", "f"].map(|name| format!("{name}: {{plane: none}}")).join(", ");
    let text = format!(
        "name: x\ntopology: pair\narms: {{{arms}}}\ngroups: {{{groups}}}\nnull: {null}\n\
         load: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n"
    );
    let runs = parse(Path::new("x.yaml"), text).map(Experiment::in_groups).map_err(|failure| {
        let said = failure.to_string();
        said.lines().next().unwrap_or_default().rsplit(": ").next().unwrap_or_default().to_owned()
    });
    let named = |experiment: &Experiment| experiment.arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>();
    let runs: Result<Vec<_>, _> = runs.map(|runs| runs.iter().map(|(_, run)| (run.name.clone(), named(run))).collect());
    let expect = expect.map_err(str::to_owned).map(|runs| {
        let owned = |arms: &[&str]| arms.iter().map(|arm| (*arm).to_owned()).collect::<Vec<_>>();
        runs.iter().map(|(name, arms)| ((*name).to_owned(), owned(arms))).collect::<Vec<_>>()
    });
    assert_eq!(runs, expect, "{groups}");
}

#[test]
fn each_group_is_a_run_with_the_baseline() {
    let runs: [(&str, &[&str]); 2] = [("x/one", &["none", "a", "b", "c", "d", "e"]), ("x/two", &["none", "e", "f"])];
    check(false, "one: [a, b, c, d, e], two: [f, e]", Ok(&runs));
}

#[test]
fn a_condition_is_for_the_groups_in_which_its_arm_stands() {
    let options = shipped("experiments/options.yaml");
    let runs = options.in_groups();
    let about = |condition: &str| {
        let condition = condition.parse().unwrap();
        runs.iter().filter(|(_, run)| run.is_about(&condition)).count()
    };
    assert_eq!(about("errors>+0%"), runs.len());
    let last = &runs.last().unwrap().1.arms.last().unwrap().name;
    let named = [about(&format!("{last}:errors>+0%")), about(&format!("{last}/none:errors>+0%"))];
    assert!(named[0] == named[1] && (1..runs.len()).contains(&named[0]), "{named:?} of {}", runs.len());
}

#[test]
fn what_would_never_stand_or_not_fit_is_refused() {
    check(false, "one: [a, b, c, d, e]", Err("arm `f` is in no group and would never run"));
    check(false, "one: [a, b, c, d, e, f]", Err("7 arms would stand in group `one`"));
    check(true, "one: [a, b, c, d, e], two: [f]", Err("7 arms would stand in group `one`"));
    check(false, "one: [a, nosuch]", Err("no arm is called `nosuch`"));
    check(false, "one: [none, a]", Err("`none` is the baseline, which stands in every group"));
    check(false, "one: [a, a]", Err("arm `a` is named twice"));
}

#[test]
fn chosen_arms_stand_together_whatever_their_groups() {
    let mut options = shipped("experiments/options.yaml");
    let runs: Vec<usize> = options.clone().in_groups().iter().map(|(_, run)| run.standing().len()).collect();
    assert!(runs.len() > 1 && runs.iter().all(|standing| (2..=6).contains(standing)), "{runs:?}");
    options.choose(&["sidecar", "plaintext", "large"].map(str::to_owned)).unwrap_err();
    options.choose(&["sidecar", "plaintext", "mesh-1000"].map(str::to_owned)).unwrap();
    let [(None, run)] = &options.in_groups()[..] else { panic!("one run") };
    assert_eq!(run.arms.len(), 3);
}
