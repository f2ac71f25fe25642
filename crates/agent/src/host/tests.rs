use attribution::{Namer, Who};

use super::*;

#[test]
fn names_are_found_by_inode() {
    let root = tempfile::tempdir().unwrap();
    let id = "f".repeat(64);
    let group = root.path().join(GROUPS[0]).join("kubepods/burstable/pod7").join(&id);
    fs::create_dir_all(group.join("init")).unwrap();
    let named = root.path().join(NAMED[0]);
    fs::create_dir_all(&named).unwrap();
    fs::write(named.join("meshtax-1-none-web-v1"), "").unwrap();
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let netns = u32::try_from(inode(&named.join("meshtax-1-none-web-v1"))).unwrap();

    let mut namer = Namer::new(ThisHost::below(root.path()));
    assert_eq!(namer.who(netns, 0).pod, "none-web-v1");
    assert_eq!(namer.who(0, inode(&group)).pod, "f".repeat(12));
    assert_eq!(namer.who(0, inode(&group.join("init"))).pod, "f".repeat(12));
    assert_eq!(namer.who(0, 0), Who::default());
}

#[test]
fn a_pod_of_kubernetes_is_told_by_name_and_its_namespace_with_it() {
    let root = tempfile::tempdir().unwrap();
    let uids = ["5d4b7e0a-93c1-4f3b-8e55-0a6f2f1d9b3c", "6e5c8f1b-a4d2-4c4c-9f66-1b7a3a2e0c4d"];
    let group = |uid: &str| root.path().join(GROUPS[0]).join("kubepods").join(format!("pod{uid}")).join("f".repeat(64));
    uids.iter().for_each(|uid| fs::create_dir_all(group(uid)).unwrap());
    fs::write(group(uids[0]).join("cgroup.procs"), "4242\n4243\n").unwrap();
    let net = root.path().join("proc/4242/net");
    fs::create_dir_all(&net).unwrap();
    fs::write(net.join("fib_trie"), "|-- 10.88.0.2\n   /32 host LOCAL\n").unwrap();
    let logs = root.path().join("var/log/pods").join(format!("shop_reviews-v1-545db77b95-x7k2p_{}", uids[0]));
    fs::create_dir_all(logs).unwrap();
    let [named, unnamed] = uids.map(|uid| fs::metadata(group(uid)).unwrap().ino());

    let mut namer = Namer::new(ThisHost::below(root.path()));
    assert_eq!(namer.who(7, named).pod, "shop/reviews-v1-545db77b95-x7k2p");
    assert_eq!(namer.who(7, unnamed).pod, "f".repeat(12));
    let peer = namer.peer(7, named, "python");
    assert_eq!([&*peer.workload, &*peer.namespace, &*peer.canonical_service], ["reviews-v1", "shop", "reviews-v1"]);

    let mut settle = |open: &[(u32, u64)], heard: &[(u32, u64)]| {
        let [open, heard] = [open, heard].map(|owners| owners.iter().copied().collect());
        namer.settle(&open, &heard);
        (namer.peer(7, 0, "nobody").workload.to_string(), namer.addresses())
    };
    let settled = ("reviews-v1".to_owned(), vec![(7, IpAddr::from([10, 88, 0, 2]))]);
    let unsettled = ("nobody".to_owned(), Vec::new());
    assert_eq!(settle(&[], &[]), unsettled);
    assert_eq!(settle(&[(7, named), (8, unnamed), (8, 1)], &[]), settled);
    // Another owner's open sockets make the namespace no pod's. Sockets that were open earlier do not.
    assert_eq!(settle(&[(7, named), (7, 1)], &[(7, named)]), unsettled);
    assert_eq!(settle(&[(7, named)], &[(7, 1)]), settled);
    assert_eq!(settle(&[], &[(7, 1), (7, named)]), settled);
    fs::remove_file(group(uids[0]).join("cgroup.procs")).unwrap();
    assert_eq!(settle(&[], &[(7, named)]), unsettled);
}
