use super::*;

#[test]
fn the_first_line_is_all_cores() {
    let time = parse("cpu  1000 200 300 5000 60 7 80 9 11 12\ncpu0 1 1 1 1 1 1 1 1 1 1\n").unwrap();
    assert_eq!(time, MachineTime { busy_s: 15.87, softirq_s: 0.8, steal_s: 0.09, capacity_s: 66.56 });
    assert_eq!(parse("cpu0 1 1 1 1 1 1 1 1\n"), None);
    assert_eq!(parse("cpu  1 2 x\n"), None);
}

#[test]
fn this_machine_has_been_busy() {
    let machine = Machine::open(Path::new("/")).unwrap();
    let (start, end) = (machine.time().unwrap(), machine.time().unwrap());
    assert!(start.busy_s > 0.0 && start.softirq_s <= start.busy_s && start.busy_s < start.capacity_s);
    assert!(end.busy_s >= start.busy_s);
}
