use super::*;

#[test]
fn the_first_line_is_all_cores() {
    let time = parse("cpu  1000 200 300 5000 60 7 80 9 11 12\ncpu0 1 1 1 1 1 1 1 1 1 1\nprocs_running 3\n").unwrap();
    let (pressure_s, runnable) = (None, 3);
    let truth = MachineTime {
        busy_s: 15.87,
        irq_s: 0.07,
        softirq_s: 0.8,
        steal_s: 0.09,
        capacity_s: 66.56,
        pressure_s,
        runnable,
    };
    assert_eq!(time, truth);
    assert_eq!(parse("cpu0 1 1 1 1 1 1 1 1\n"), None);
    assert_eq!(parse("cpu  1 2 x\n"), None);
}

#[test]
fn pressure_is_time_that_some_task_waited() {
    let pressure =
        "some avg10=39.66 avg60=17.47 avg300=14.24 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
    assert_eq!(stalled_us(pressure), Some(1_500_000));
    assert_eq!(stalled_us("full avg10=0.00 total=7\n"), None);
}

#[test]
fn this_machine_has_been_busy() {
    let machine = Machine::open(Path::new("/")).unwrap();
    let (start, end) = (machine.time().unwrap(), machine.time().unwrap());
    assert!(start.busy_s > 0.0 && start.softirq_s <= start.busy_s && start.busy_s < start.capacity_s);
    assert!(end.busy_s >= start.busy_s && end.runnable > 0 && end.pressure_s >= start.pressure_s);
}
