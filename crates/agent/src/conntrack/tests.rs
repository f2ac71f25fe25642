use super::*;

/// The answer of readers that run as this shell script. `$begun` holds a reader's first line, and `tell` answers an
/// order.
fn told(script: &str) -> Translated {
    let words = r#"
        begun='{"begun":{"opened":{"tables":2,"missing":[]},"processes":[1,2]}}'
        tell() { echo '{"told":{"order":'$1',"told":{"translations":[],"beyond":'$2',"unread":0}}}'; }
        echo "$begun"
    "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{words}\n{script}\nread end")]);
    Conntrack::start(&mut shell).unwrap().read()
}

fn check(script: &str, beyond: u64, unread: u64) {
    let told = told(script);
    assert_eq!((told.beyond, told.unread), (beyond, unread), "{script}");
}

#[test]
fn an_order_has_its_own_answer() {
    check("read order; tell $order 7", 7, 0);
    check("read order; tell 100 8; tell $order 7", 7, 0);
}

#[test]
fn what_a_reader_owed_is_asked_of_the_next() {
    check("read order; echo \"$begun\"; read order; tell 1 8; tell $order 7", 7, 0);
    check("read order; printf '{\"told\":{\"ord'; echo; echo \"$begun\"; read order; tell $order 7", 7, 0);
}

#[test]
fn tables_of_readers_that_are_no_more_are_unread() {
    check("exit", 0, 2);
    check("read order; exit", 0, 2);
}
