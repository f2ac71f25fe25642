use super::*;

#[test]
fn names_tell_their_id() {
    for (name, id) in [
        ("meshtax-20261122t093015kq", Some("20261122t093015kq")),
        ("meshtax-20261122t093015kq-sidecar-reviews-v2", Some("20261122t093015kq")),
        ("meshtax", None),
        ("other-20261122t093015kq", None),
    ] {
        assert_eq!(id_of(name), id, "{name}");
    }
}

#[test]
fn ids_are_letters_and_digits_so_that_names_can_be_taken_apart() {
    let id = fresh_id();
    assert!(id.len() == 17 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
    assert_eq!(id_of(&format!("{PREFIX}{id}-none-web")), Some(&*id));
}

#[test]
fn a_lock_is_held_once_and_only_while_its_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("id.lock");
    let open = || File::options().create(true).truncate(false).write(true).open(&path).unwrap();

    let held = lock(open(), &path).unwrap().expect("nobody has it");
    assert!(lock(open(), &path).unwrap().is_none(), "somebody has it");
    drop(held);
    let file = open();
    fs::remove_file(&path).unwrap();
    assert!(lock(file, &path).unwrap().is_none(), "a file that was swept away protects nothing");
}

mod root {
    use super::*;

    #[test]
    fn a_claim_holds_its_id_and_leaves_no_lock_behind() {
        let claim = claim().expect("root can make locks");
        let path = lock_path(claim.id());
        assert!(is_held(claim.id()) && path.exists());
        drop(claim);
        assert!(!path.exists());
    }
}
