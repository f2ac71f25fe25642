//! What is not a lab's stays, whatever its name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use testbed::{Kept, insist_on_root, meshtax, words};

/// As a lab of long ago might have been called.
const NAME: &str = "meshtax-19990101t000000zz";

/// The tree of control groups (v2) in which a canary is made.
fn tree() -> PathBuf {
    let unified = Path::new("/sys/fs/cgroup/unified");
    (if unified.exists() { unified } else { Path::new("/sys/fs/cgroup") }).to_owned()
}

/// A control group with a process in it, and a network namespace, all of which bear a lab's name; gone when dropped.
struct Canary {
    group: PathBuf,
    process: Child,
}

impl Canary {
    fn set() -> Self {
        let group = tree().join(NAME);
        fs::create_dir(&group).unwrap();
        let process = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(group.join("cgroup.procs"), process.id().to_string()).unwrap();
        assert!(Command::new("ip").args(["netns", "add", NAME]).status().unwrap().success());
        Self { group, process }
    }

    fn is_whole(&mut self) -> bool {
        let lives = self.process.try_wait().unwrap().is_none();
        lives && self.group.exists() && Path::new("/run/netns").join(NAME).exists()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().unwrap();
        Command::new("ip").args(["netns", "del", NAME]).status().unwrap();
        while fs::remove_dir(&self.group).is_err() && self.group.exists() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_merely_bears_a_labs_name_is_left_alone() {
    insist_on_root();
    let mut canary = Canary::set();
    let output = meshtax().args(["clean", NAME.trim_start_matches("meshtax-")]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(words(&output).contains("was left behind"), "{}", words(&output));
    assert!(canary.is_whole());
    // In a PID namespace the process reads as 0, which to signal is to signal oneself; and what runs there knows nothing of
    // the labs of others.
    let clean = format!("mount -t tmpfs none /run && {} clean", testbed::binary());
    let mut inside = Command::new("setsid");
    inside.args(["--wait", "unshare", "--pid", "--fork", "--mount", "--mount-proc", "sh", "-c", &clean]);
    let output = inside.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(canary.is_whole());
}

/// Has a proxy's user leave links where root writes and reads later, and says what its program finds in its root folder.
const PLANTING: &str = "
name: links
services:
  web:
    port: 8080
    ready: /
    environment: {SECRET: hunter2}
    command:
      - python3
      - -c
      - |
        import http.server, os
        for name in ['stats.prom', 'limits.yaml', 'agent.txt']:
            try: os.unlink('/run/meshtax/' + name)
            except FileNotFoundError: pass
            os.symlink(os.environ['TARGET'] if name == 'stats.prom' else '/etc/shadow', '/run/meshtax/' + name)
        http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
";

#[test]
fn root_follows_no_link_that_a_pod_has_left_and_keeps_secrets_to_itself() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("target");
    fs::write(&target, "as it was").unwrap();
    let topology = home.path().join("links.yaml");
    let text = PLANTING.replace("SECRET: hunter2", &format!("SECRET: hunter2, TARGET: {}", target.display()));
    fs::write(&topology, text).unwrap();
    let lab = Kept::stand(&topology);
    assert_eq!(fs::read_to_string(&target).unwrap(), "as it was");
    let folder = &lab.run.folder;
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("topology.yaml"), 0o600);
    let differences = fs::read_dir(folder.join("planes")).unwrap().flatten().filter(|file| file.path().is_file());
    let differences: String = differences.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    assert!(!differences.contains("root:"), "{differences}");
    let checked = meshtax().arg("check").arg(&topology).output().unwrap();
    assert!(words(&checked).contains("SECRET=…") && !words(&checked).contains("hunter2"), "{}", words(&checked));
}

#[test]
fn pods_see_the_root_folder_that_the_run_sees() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    fs::create_dir(&root).unwrap();
    let topology = "name: inside\nservices: {web: {port: 8080, command: [/mnt/python3, -m, http.server, '8080']}}\n";
    let script = format!(
        "set -e; mount --rbind / {root}; mount -t tmpfs none {root}/mnt; ln -s $(command -v python3) {root}/mnt/python3; \
         printf '%s' \"$1\" > {root}/mnt/inside.yaml; \
         exec chroot {root} {binary} run --topology /mnt/inside.yaml --requests 6 --rounds 1 --out /mnt/out",
        root = root.display(),
        binary = testbed::binary()
    );
    let mut command = Command::new("unshare");
    let output = command.args(["--mount", "sh", "-c", &script, "sh", topology]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
}

/// Wants to be the only one of its kind, as a server with a file of its number does, and calls its host by its name.
const JEALOUS: &str = "
name: jealous
services:
  web:
    port: 8080
    ready: /
    command:
      - python3
      - -c
      - |
        import ctypes, http.server, os, socket
        for path in ['/run/jealous.pid', '/var/run/jealous.lock', '/dev/shm/jealous']:
            open(path, 'x').write(str(os.getpid()))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.shmget(0x6a65616c, 4096, 0o3600) >= 0, 'somebody else has this key'
        assert socket.gethostname().startswith('web-v1'), socket.gethostname()
        assert socket.gethostbyname(socket.gethostname()).startswith('10.'), 'its own name has its address'
        assert socket.getaddrinfo('localhost', 1, socket.AF_INET6)[0][4][0] == '::1'
        http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
";

#[test]
fn pods_share_no_place_for_what_programs_say_of_themselves() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let topology = home.path().join("jealous.yaml");
    fs::write(&topology, JEALOUS).unwrap();
    let lab = Kept::stand(&topology);
    for path in ["/run/jealous.pid", "/dev/shm/jealous"] {
        assert!(!Path::new(path).exists(), "{path} is on the host");
    }
    drop(lab);
}

/// A host whose `/run` has a network namespace's name and is no shared mount, as where a container runtime alone makes such
/// names; how often that is mounted while a lab stands, and once it is gone.
const COUNTING: &str = "
set -e
mount -t tmpfs none /run
mkdir /run/netns
touch /run/netns/cni-1
mount --bind /proc/self/ns/net /run/netns/cni-1
\"$0\" run --topology topologies/pair.yaml --requests 6 --rounds 1 --keep --out \"$1/run\" >/dev/null
grep -c /run/netns/cni-1 /proc/self/mountinfo
\"$0\" clean
grep -c /run/netns/cni-1 /proc/self/mountinfo
";

#[test]
fn a_lab_mounts_nothing_of_the_hosts_once_more() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", COUNTING]).arg(meshtax().get_program()).arg(home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n1\n", "{}", words(&output));
}
