use super::*;

fn check(element: Element, expect: &str) {
    assert_eq!(element.to_string(), expect);
}

#[test]
fn markup() {
    check(element("p").class("note").text("a < b & c"), r#"<p class="note">a &lt; b &amp; c</p>"#);
    check(element("td"), "<td></td>");
    check(element("a").with("title", "\"<x>\""), r#"<a title="&quot;&lt;x&gt;&quot;"></a>"#);
    check(element("rect").at([("x", 1.0), ("y", -0.01), ("width", 2.345)]), r#"<rect x="1" y="0" width="2.3"/>"#);
    check(element("p").prose("try `--rounds <n>` now"), "<p>try <code>--rounds &lt;n&gt;</code> now</p>");
    check(element("ul").puts([element("li"), element("li")]), "<ul><li></li><li></li></ul>");
}
