/// A range of media types in an `Accept` header (RFC 9110, section 12.5.1).
#[derive(Debug, PartialEq)]
pub struct Range<'a> {
    kind: &'a str,
    version: Option<&'a str>,
    /// Preference, from 0 (refused) to 1.
    quality: f32,
}

impl<'a> Range<'a> {
    /// Parses one range, such as `text/plain;version=0.0.4;q=0.5`; `None` if it is not valid.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| kind.contains('/'))?;
        let mut range = Self { kind, version: None, quality: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = value.trim().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
                "version" => range.version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        Some(range)
    }

    fn holds(&self, kind: &str, versions: &[&str]) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.version.is_none_or(|version| versions.contains(&version))
    }
}

/// Returns the preference for one of these versions of a media type. The first of `kinds` that the header names
/// decides, so list the most specific kind first. Returns 0 if the header names none.
pub fn quality(ranges: &[Range<'_>], kinds: &[&str], versions: &[&str]) -> f32 {
    let liked = |kind: &&str| {
        let named = ranges.iter().filter(|range| range.holds(kind, versions));
        named.map(|range| range.quality).reduce(f32::max)
    };
    kinds.iter().find_map(liked).unwrap_or(0.0)
}
