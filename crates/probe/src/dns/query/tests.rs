use super::*;

#[test]
fn names_are_written_as_people_write_them() {
    let check = |wire: &[u8], text: &str| assert_eq!(name(wire), text);
    check(b"\x03www\x07example\x03com\0", "www.example.com");
    check(b"\0", ".");
    check(b"\x03a.b\x02c\\\0", "a\\.b.c\\\\");
    check(b"\x02\x07 \0", "\\007\\032");
    // What is cut off is told as far as it goes.
    check(b"\x09cut", "cut");
}

#[test]
fn types_and_codes_without_a_name_are_told_by_their_number() {
    assert_eq!([1, 28, 65, 4711].map(type_name), ["A", "AAAA", "HTTPS", "TYPE4711"]);
    let codes = [0, 3, 11, 12, 16, 23, 255, 0xffff, 0xfffd].map(|code| Rcode::of(code).to_string());
    let names =
        ["NOERROR", "NXDOMAIN", "DSOTYPENI", "RCODE12", "BADVERS", "BADCOOKIE", "RCODE255", "TIMEOUT", "UNKNOWN"];
    assert_eq!(codes, names);
}
