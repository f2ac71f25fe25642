use std::fs;
use std::io;
use std::path::Path;

use cgroup::CgroupMode;
use ground::Limits;

use crate::trees::Trees;

/// Length of a period of the CPU quota, Kubernetes's own.
const PERIOD_US: u64 = 100_000;

impl Trees {
    /// The controller that these limits need and this host does not have, if there is one: `cpu` or `memory`.
    pub fn lack(&self, limits: &Limits) -> Option<&'static str> {
        let needed = [("cpu", limits.cpu_millicores.is_some()), ("memory", limits.memory_bytes.is_some())];
        needed.into_iter().find(|(name, is_needed)| *is_needed && !self.has(name)).map(|(name, _)| name)
    }

    fn has(&self, controller: &str) -> bool {
        match (self.mode, controller) {
            (CgroupMode::V2, _) => lists(&self.roots[0].join("cgroup.controllers"), controller),
            (_, "cpu") => self.quotas.is_some(),
            _ => self.v1_memory().is_some(),
        }
    }

    /// Tree of the v1 memory controller.
    fn v1_memory(&self) -> Option<&Path> {
        self.roots.iter().map(|root| &**root).find(|root| root.join("memory.limit_in_bytes").exists())
    }

    /// The limits that this host can set, and the controllers that it lacks for the others.
    pub fn of_these(&self, limits: Limits) -> (Limits, Vec<&'static str>) {
        let (mut left, mut lacking) = (limits, Vec::new());
        while let Some(controller) = self.lack(&left) {
            lacking.push(controller);
            match controller {
                "cpu" => left.cpu_millicores = None,
                _ => left.memory_bytes = None,
            }
        }
        (left, lacking)
    }

    /// Makes the group `path` with these limits. Whoever is put into it later stands under them.
    pub(crate) fn limit(&self, path: &Path, limits: &Limits) -> io::Result<()> {
        let quota_us = limits.cpu_millicores.map(|millicores| u64::from(millicores) * PERIOD_US / 1000);
        match self.mode {
            CgroupMode::V2 => self.limit_v2(path, quota_us, limits.memory_bytes),
            CgroupMode::Hybrid | CgroupMode::V1 => self.limit_v1(path, quota_us, limits.memory_bytes),
        }
    }

    fn limit_v2(&self, path: &Path, quota_us: Option<u64>, memory_bytes: Option<u64>) -> io::Result<()> {
        let root = &self.roots[0];
        let group = self.create(root, path)?;
        if let Some(quota_us) = quota_us {
            hand_down(root, path, "cpu")?;
            write(&group.join("cpu.max"), &format!("{quota_us} {PERIOD_US}"))?;
        }
        if let Some(bytes) = memory_bytes {
            hand_down(root, path, "memory")?;
            write(&group.join("memory.max"), &bytes.to_string())?;
        }
        Ok(())
    }

    fn limit_v1(&self, path: &Path, quota_us: Option<u64>, memory_bytes: Option<u64>) -> io::Result<()> {
        if let Some((root, quota_us)) = self.quotas.as_ref().zip(quota_us) {
            let group = self.create(root, path)?;
            write(&group.join("cpu.cfs_period_us"), &PERIOD_US.to_string())?;
            write(&group.join("cpu.cfs_quota_us"), &quota_us.to_string())?;
        }
        if let Some((root, bytes)) = self.v1_memory().zip(memory_bytes) {
            write(&self.create(root, path)?.join("memory.limit_in_bytes"), &bytes.to_string())?;
        }
        Ok(())
    }
}

/// Passes a v2 controller on from the root to the group `path`.
fn hand_down(root: &Path, path: &Path, controller: &str) -> io::Result<()> {
    let mut group = root.to_owned();
    for part in path {
        let control = group.join("cgroup.subtree_control");
        if !lists(&control, controller) {
            write(&control, &format!("+{controller}"))?;
        }
        group.push(part);
    }
    Ok(())
}

/// Whether a file that lists controllers has this one.
fn lists(file: &Path, controller: &str) -> bool {
    fs::read_to_string(file).unwrap_or_default().split_whitespace().any(|name| name == controller)
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const GROUP: &str = "meshtax-a/sidecar/web-v1/proxy";

    /// Trees that are plain folders with the kernel's files; the limits that a group gets in them, a line for each file.
    fn check(mode: CgroupMode, expect: &str) {
        let home = tempfile::tempdir().unwrap();
        let tree = |name: &str| {
            fs::create_dir_all(home.path().join(name)).unwrap();
            home.path().join(name)
        };
        let (unified, cpu, memory) = (tree("unified"), tree("cpu"), tree("memory"));
        fs::write(unified.join("cgroup.controllers"), "cpu io memory").unwrap();
        fs::write(memory.join("memory.limit_in_bytes"), "").unwrap();
        let trees = match mode {
            CgroupMode::V2 => Trees { mode, roots: vec![unified], quotas: None },
            _ => Trees { mode, roots: vec![unified, memory], quotas: Some(cpu) },
        };
        let limits = Limits { cpu_millicores: Some(1500), memory_bytes: Some(1 << 20) };
        assert_eq!(trees.lack(&limits), None);
        trees.limit(Path::new(GROUP), &limits).unwrap();
        let said = |file: &&str| fs::read_to_string(home.path().join(file)).unwrap();
        let files: Vec<&str> = expect.lines().filter_map(|line| line.split_once(": ")).map(|(file, _)| file).collect();
        let seen: Vec<String> = files.iter().map(|file| format!("{file}: {}", said(file))).collect();
        assert_eq!(seen.join("\n"), expect);
    }

    #[test]
    fn each_arrangement_has_its_files() {
        check(
            CgroupMode::V2,
            "unified/cgroup.subtree_control: +memory\n\
             unified/meshtax-a/sidecar/web-v1/cgroup.subtree_control: +memory\n\
             unified/meshtax-a/sidecar/web-v1/proxy/cpu.max: 150000 100000\n\
             unified/meshtax-a/sidecar/web-v1/proxy/memory.max: 1048576",
        );
        check(
            CgroupMode::Hybrid,
            "cpu/meshtax-a/sidecar/web-v1/proxy/cpu.cfs_period_us: 100000\n\
             cpu/meshtax-a/sidecar/web-v1/proxy/cpu.cfs_quota_us: 150000\n\
             memory/meshtax-a/sidecar/web-v1/proxy/memory.limit_in_bytes: 1048576",
        );
    }

    #[test]
    fn what_a_host_lacks_is_named() {
        let home = tempfile::tempdir().unwrap();
        let roots: Vec<PathBuf> = vec![home.path().to_owned()];
        let cpu = Limits { cpu_millicores: Some(1), memory_bytes: None };
        let memory = Limits { cpu_millicores: None, memory_bytes: Some(1) };
        for mode in [CgroupMode::V2, CgroupMode::Hybrid, CgroupMode::V1] {
            let trees = Trees { mode, roots: roots.clone(), quotas: None };
            assert_eq!([trees.lack(&cpu), trees.lack(&memory)], [Some("cpu"), Some("memory")], "{mode:?}");
            assert_eq!(trees.lack(&Limits::default()), None);
            assert_eq!(trees.of_these(Limits::ISTIO), (Limits::default(), vec!["cpu", "memory"]));
        }
    }
}
