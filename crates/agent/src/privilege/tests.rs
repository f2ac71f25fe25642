/// These tests need root, because only a process with privileges can give them up.
mod root {
    use super::super::*;

    /// Checks what a thread keeps, depending on whether it can read without capabilities. Other threads keep theirs.
    fn check(can_read: bool, expect: &str) {
        let thread = std::thread::spawn(move || {
            let privileges = give_up_privileges(|| can_read).unwrap();
            let kept: CapsHashSet = privileges.kept.iter().map(|(capability, _)| *capability).collect();
            for set in [CapSet::Effective, CapSet::Permitted] {
                assert_eq!(caps::read(None, set).unwrap(), kept);
            }
            for set in [CapSet::Inheritable, CapSet::Ambient, CapSet::Bounding] {
                assert!(caps::read(None, set).unwrap().is_empty());
            }
            assert!(nix::sys::prctl::get_no_new_privs().unwrap());
            privileges.to_string()
        });
        assert_eq!(thread.join().unwrap(), expect);
    }

    #[test]
    fn nothing_is_kept_where_reading_takes_nothing() {
        check(true, "gave up all capabilities");
    }

    #[test]
    fn a_kernel_that_asks_for_a_capability_at_each_reading_is_given_this_one_alone() {
        check(false, "gave up all capabilities except CAP_BPF (kernels before 5.19 require it for each reading)");
    }
}
