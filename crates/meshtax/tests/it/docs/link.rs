//! Links between documents.

use std::fs;
use std::path::{Component, Path, PathBuf};

use testbed::{Document, LineKind, root};

/// A line for each link to a file or a heading that does not exist.
pub fn broken(documents: &[Document]) -> Vec<String> {
    let of = |document: &Document| {
        let links = links(document).into_iter();
        links
            .filter_map(|(number, link)| Some(format!("{}:{number}: {}", document.path, fault(document, &link)?)))
            .collect::<Vec<_>>()
    };
    documents.iter().flat_map(of).collect()
}

/// Targets of the document's relative links, with their lines.
fn links(document: &Document) -> Vec<(usize, String)> {
    let is_text = |kind: LineKind| !matches!(kind, LineKind::Fenced(_) | LineKind::Fence);
    let lines = document.lines().into_iter().filter(|(_, kind, _)| is_text(*kind));
    let links = lines.flat_map(|(number, _, line)| targets(line).into_iter().map(move |link| (number, link)));
    links.filter(|(_, link)| !link.contains("://") && !link.starts_with("mailto:")).collect()
}

/// What stands in `](…)`, outside of code.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect();
    let after = prose.split("](").skip(1);
    after.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// Why a link leads nowhere.
fn fault(document: &Document, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let folder = Path::new(&document.path).parent().expect("a document is a file");
    let target = if path.is_empty() { PathBuf::from(&document.path) } else { straight(&folder.join(path)) };
    if !path.is_empty() && !root().join(&target).exists() {
        return Some(format!("`{link}`: there is no {}", target.display()));
    }
    let anchor = anchor?;
    let text = if path.is_empty() { document.text.clone() } else { fs::read_to_string(root().join(&target)).ok()? };
    let page = Document { path: String::new(), text };
    let has_anchor = headings(&page).iter().any(|heading| heading == anchor);
    (!has_anchor).then(|| format!("`{link}`: no heading of {} has this name", target.display()))
}

/// A path without `..`.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            straight.pop();
        } else {
            straight.push(part);
        }
    }
    straight
}

/// Names by which GitHub finds the headings of a page.
fn headings(page: &Document) -> Vec<String> {
    let lines = page.lines().into_iter().filter(|(_, kind, _)| *kind == LineKind::Heading);
    lines.map(|(_, _, line)| slug(line.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
