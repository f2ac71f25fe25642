use std::fmt::{self, Display};

/// Elements without content. SVG requires the slash that ends them; HTML ignores it.
const EMPTY: [&str; 7] = ["circle", "input", "line", "meta", "path", "rect", "use"];

/// An element of HTML or SVG. Attributes and text are escaped, in the order in which they are given.
#[derive(Clone)]
pub(crate) struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

/// An element without attributes and content.
pub(crate) fn element(name: &'static str) -> Element {
    Element { name, attributes: String::new(), content: String::new() }
}

impl Element {
    /// Adds an attribute.
    pub(crate) fn with(mut self, name: &str, value: impl Display) -> Self {
        self.attributes += &format!(" {name}=\"{}\"", escaped(&value.to_string()));
        self
    }

    /// Adds coordinates, as attributes with one decimal at most.
    pub(crate) fn at<const N: usize>(self, coordinates: [(&str, f64); N]) -> Self {
        coordinates.into_iter().fold(self, |element, (name, value)| element.with(name, coordinate(value)))
    }

    /// Adds the class that style sheets use.
    pub(crate) fn class(self, class: &str) -> Self {
        self.with("class", class)
    }

    /// Adds text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.content += &escaped(text);
        self
    }

    /// Adds prose, in which text between backticks is code.
    pub(crate) fn prose(self, text: &str) -> Self {
        let parts = text.split('`').enumerate();
        parts.fold(self, |outer, (index, part)| match index % 2 {
            0 => outer.text(part),
            _ => outer.put(element("code").text(part)),
        })
    }

    /// Adds text without escaping it, such as our own style sheet or script.
    pub(crate) fn verbatim(mut self, text: &str) -> Self {
        self.content += text;
        self
    }

    /// Adds an element.
    pub(crate) fn put(mut self, inner: Element) -> Self {
        self.content += &inner.to_string();
        self
    }

    /// Adds elements in order.
    pub(crate) fn puts(self, inner: impl IntoIterator<Item = Element>) -> Self {
        inner.into_iter().fold(self, Element::put)
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Element { name, attributes, content } = self;
        match EMPTY.contains(name) {
            true => write!(f, "<{name}{attributes}/>"),
            false => write!(f, "<{name}{attributes}>{content}</{name}>"),
        }
    }
}

/// A coordinate with one decimal at most and no negative zero, so that the same figures give the same bytes.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
