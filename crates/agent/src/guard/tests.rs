use super::*;

/// Checks whether a guard with the token `opensesame` admits this `Authorization` header.
fn check(brought: Option<&str>, expect: bool) {
    let guard = Guard { tls: None, token: Some(b"opensesame".to_vec()) };
    let mut headers = HeaderMap::new();
    if let Some(brought) = brought {
        headers.insert(AUTHORIZATION, brought.parse().unwrap());
    }
    assert_eq!(guard.admits(&headers), expect, "{brought:?}");
}

#[test]
fn only_the_whole_token_is_admitted() {
    check(Some("Bearer opensesame"), true);
    check(Some("bearer  opensesame "), true);
    for other in ["Bearer opensesam", "Bearer opensesame2", "Bearer ", "Bearer", "opensesame", "Basic opensesame", ""] {
        check(Some(other), false);
    }
    check(None, false);
    assert!(Guard::default().admits(&HeaderMap::new()));
}
