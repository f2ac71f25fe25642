use super::*;

#[test]
fn names_are_written_as_people_write_them() {
    let check = |wire: &[u8], text: &str| assert_eq!(name(wire), text);
    check(b"\x03www\x07example\x03com\0", "www.example.com");
    check(b"\0", ".");
    check(b"\x03a.b\x02c\\\0", "a\\.b.c\\\\");
    check(b"\x02\x07 \0", "\\007\\032");
    // A name that is cut off is written as far as it goes.
    check(b"\x09cut", "cut");
}
