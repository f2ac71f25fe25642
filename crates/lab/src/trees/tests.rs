use tempfile::TempDir;

use super::*;

/// Two v1 trees that are plain folders: enough for everything but the kernel's own files.
fn trees() -> (TempDir, Trees) {
    let home = tempfile::tempdir().unwrap();
    let roots = ["cpuacct", "memory"].map(|name| home.path().join(name));
    roots.iter().for_each(|root| fs::create_dir(root).unwrap());
    (home, Trees { mode: CgroupMode::V1, roots: roots.to_vec(), quotas: None })
}

#[test]
fn a_run_begins_with_a_group_in_each_tree() {
    let (_home, trees) = trees();
    let made = trees.begin(Path::new("meshtax-a"), false).unwrap();
    let paths: Vec<PathBuf> = made.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(paths, trees.roots.iter().map(|root| root.join("meshtax-a")).collect::<Vec<_>>());
    assert_eq!(trees.at(Path::new("meshtax-a")), paths);
    assert_eq!(trees.at(Path::new("meshtax-b")), Vec::<PathBuf>::new());
}

#[test]
fn processes_are_collected_from_a_group_and_below() {
    let (_home, trees) = trees();
    for (tree, path, processes) in [
        (0, "meshtax-a", ""),
        (0, "meshtax-a/web", ""),
        (0, "meshtax-a/web/app", "12\n7\n"),
        (1, "meshtax-a", ""),
        (1, "meshtax-a/web", "7\n30\n"),
        (1, "meshtax-b", "99\n"),
    ] {
        let group = trees.roots[tree].join(path);
        fs::create_dir(&group).unwrap();
        fs::write(group.join("cgroup.procs"), processes).unwrap();
    }
    assert_eq!(Trees::processes(&trees.at(Path::new("meshtax-a"))).unwrap(), [7, 12, 30]);
    assert_eq!(Trees::processes(&trees.at(Path::new("meshtax-c"))).unwrap(), [0; 0]);
}

#[test]
fn groups_are_removed_from_the_inside_out() {
    let (_home, trees) = trees();
    for root in &trees.roots {
        fs::create_dir_all(root.join("meshtax-a/none/web/app")).unwrap();
        fs::create_dir_all(root.join("meshtax-b")).unwrap();
    }
    for root in &trees.roots {
        Trees::remove(&root.join("meshtax-a"), Duration::ZERO).unwrap();
        Trees::remove(&root.join("meshtax-a"), Duration::ZERO).expect("what is gone is no error");
    }
    assert_eq!(trees.at(Path::new("meshtax-a")), Vec::<PathBuf>::new());
    assert_eq!(trees.at(Path::new("meshtax-b")).len(), 2);
}

#[test]
fn memory_is_delegated_where_a_group_has_its_controller() {
    for (controllers, passed_on, expect) in
        [("cpu memory io", "", "+memory"), ("cpu memory io", "cpu memory", "cpu memory"), ("cpu io", "cpu", "cpu")]
    {
        let group = tempfile::tempdir().unwrap();
        fs::write(group.path().join("cgroup.controllers"), controllers).unwrap();
        fs::write(group.path().join("cgroup.subtree_control"), passed_on).unwrap();
        delegate_memory(group.path());
        assert_eq!(fs::read_to_string(group.path().join("cgroup.subtree_control")).unwrap(), expect, "{controllers}");
    }
}
