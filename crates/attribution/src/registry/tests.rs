use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// A fake registry.
#[derive(Clone, Debug, Default)]
pub struct Imagined(Rc<RefCell<Machine>>);

#[derive(Debug, Default)]
struct Machine {
    namespaces: HashMap<u32, String>,
    groups: HashMap<u64, ContainerGroup>,
    pods: HashMap<String, KubernetesPod>,
    addresses: HashMap<String, Vec<IpAddr>>,
}

impl Imagined {
    /// Names a network namespace, or renames it.
    pub fn name(&self, netns: u32, name: &str) {
        self.0.borrow_mut().namespaces.insert(netns, name.to_owned());
    }

    /// Ends a network namespace.
    pub fn end(&self, netns: u32) {
        self.0.borrow_mut().namespaces.remove(&netns);
    }

    /// Makes a pod of Kubernetes with this control group.
    pub fn pod(&self, cgroup: u64, pod: KubernetesPod, address: &str) {
        let (uid, mut machine) = (format!("uid-{cgroup}"), self.0.borrow_mut());
        let container = Container { id: "f".repeat(64), pod_uid: Some(uid.clone()) };
        machine.groups.insert(cgroup, ContainerGroup { container, folder: PathBuf::from(cgroup.to_string()) });
        machine.pods.insert(uid, pod);
        machine.addresses.insert(cgroup.to_string(), vec![address.parse().unwrap()]);
    }
}

impl Registry for Imagined {
    fn namespaces(&self) -> HashMap<u32, String> {
        self.0.borrow().namespaces.clone()
    }

    fn groups(&self) -> HashMap<u64, ContainerGroup> {
        self.0.borrow().groups.clone()
    }

    fn legacy(&self) -> HashMap<u32, Container> {
        HashMap::new()
    }

    fn pods(&self) -> HashMap<String, KubernetesPod> {
        self.0.borrow().pods.clone()
    }

    /// Each group has a process with the group's own name.
    fn process_in(&self, group: &Path) -> Option<String> {
        group.to_str().map(ToOwned::to_owned)
    }

    fn addresses(&self, process: &str) -> Vec<IpAddr> {
        self.0.borrow().addresses.get(process).cloned().unwrap_or_default()
    }

    /// Everything with a name exists.
    fn living(&self) -> Living {
        Living { namespaces: Some(self.0.borrow().namespaces.keys().copied().collect()), groups: None }
    }
}
