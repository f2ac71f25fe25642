use super::*;

fn check(url: &str, host: &str, port: u16, path: &str, printed: &str) {
    let target: Target = url.parse().unwrap();
    assert_eq!((target.host(), target.port(), target.path()), (host, port, path), "{url}");
    assert_eq!(target.to_string(), printed);
    assert_eq!(printed.parse(), Ok(target));
}

#[test]
fn urls_are_targets() {
    check("http://a", "a", 80, "/", "http://a/");
    check("http://a:80?x=1", "a", 80, "/?x=1", "http://a/?x=1");
    check("http://web:9080/page?u=a:b@c#top", "web", 9080, "/page?u=a:b@c", "http://web:9080/page?u=a:b@c");
    check("http://10.0.0.1:8080/", "10.0.0.1", 8080, "/", "http://10.0.0.1:8080/");
    check("http://[fd00::1]:81/x", "fd00::1", 81, "/x", "http://[fd00::1]:81/x");
    check("http://[::1]", "::1", 80, "/", "http://[::1]/");
}

#[test]
fn other_text_is_refused() {
    let refused = |url: &str| url.parse::<Target>().unwrap_err();
    assert!(matches!(refused("https://a/"), TargetError::Scheme(_)));
    assert!(matches!(refused("a/"), TargetError::Scheme(_)));
    let hosts = ["http://", "http:///x", "http://:80/", "http://u@a/", "http://u:p@a/", "http://::1/"];
    for url in hosts.into_iter().chain(["http://[::1/", "http://[a]/", "http://[::1]80/", "http://a[/"]) {
        assert!(matches!(refused(url), TargetError::Host(_)), "{url}");
    }
    for url in ["http://a:/", "http://a:0/", "http://a:65536/", "http://a:x/", "http://a:1:2/", "http://[::1]:/"] {
        assert!(matches!(refused(url), TargetError::Port(_)), "{url}");
    }
    assert!(matches!(refused("http://a/b c"), TargetError::Characters(_)));
    assert!(matches!(refused("http://a/\r\nx: y"), TargetError::Characters(_)));
}
