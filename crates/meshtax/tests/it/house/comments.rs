use super::File;

/// Words with which a doc comment says nothing in an editor's hover, where what they refer to is out of sight.
const RIDDLES: [&str; 6] = ["That of", "Those ", "Its ", "Whom ", "Whose ", "The same, "];

/// A line for each doc comment that does not begin with its subject.
pub fn riddles(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| file.path.contains("/src/") && file.path.ends_with(".rs"));
    sources.flat_map(riddles_in).collect()
}

fn riddles_in(file: &File) -> Vec<String> {
    let mut before = "";
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let begins = !before.trim_start().starts_with("///");
        let told = line.trim_start().strip_prefix("/// ").filter(|_| begins);
        if let Some(told) = told.filter(|told| RIDDLES.iter().any(|riddle| told.starts_with(riddle))) {
            breaches.push(format!("{}:{number}: name the subject first: {told}", file.path));
        }
        before = line;
    }
    breaches
}
