use std::fs;

use super::*;

#[test]
fn every_core_tells_its_governor() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(clock(root.path()).unwrap(), ClockFacts::default());
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(SOURCE, "hpet\n");
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    write("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
    write("sys/devices/system/cpu/cpufreq/boost", "1\n");
    let governors = ["performance", "powersave"].map(str::to_owned).into();
    assert_eq!(clock(root.path()).unwrap(), ClockFacts { source: Some("hpet".to_owned()), governors });
}
